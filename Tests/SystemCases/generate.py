#!/usr/bin/env python3
"""Writes cases.txt, modes.txt and environments.txt: random system cases and what the Bochs CPU makes of them.

    python3 generate.py [--count N] [--modes N] [--seed S]

Needs the Python package bochscpu-python; see README.md beside this file.
"""

import argparse
import os
import random

import bochs
import cases
import environment
import modes

REGISTERS = bochs.GENERAL + ['rip', 'rflags', 'cr0', 'cr2', 'cr3', 'cr4', 'efer', 'dr6', 'dr7',
                             'gdt', 'gdtlimit', 'idt', 'idtlimit'] + bochs.DEBUG
STATUS = 0x8D5
STATE_MSRS = list(bochs.MSRS)
BASES = {name: environment.ENVIRONMENTS[name]() for name in environment.ENVIRONMENTS}


def words(before, memory, base):
    """`name=value` for what differs from the environment."""
    result = [f'{name}={value:x}' for name, value in before.items()
              if value != base[1].get(name, 0) or name in bochs.SEGMENTS]
    for address in sorted(set(memory) | set(base[0])):
        if memory.get(address, 0) != base[0].get(address, 0):
            result.append(f'[{address:x}]={memory.get(address, 0):x}')
    return ' '.join(result)


def segment_parts(segment):
    return (segment.selector, segment.base, segment.limit, segment.attr, segment.present)


def outcome(ending, after, changes, before, memory):
    if after is None:
        return ending
    start = bochs.state_from(memory, before)
    start_segments = {name: getattr(start, name) for name in bochs.SEGMENTS + ['ldtr', 'tr']}
    result = [ending]
    for name in REGISTERS + STATE_MSRS:
        start = before.get(name, {'dr6': 0xFFFF0FF0, 'dr7': 0x400}.get(name, 0))
        value = after[name]
        if name == 'rflags':
            # Bochs keeps the status flags elsewhere until somebody asks.
            value, start = value & ~STATUS, start & ~STATUS
        if value != start:
            result.append(f'{name}={value:x}')
    for name in bochs.SEGMENTS + ['ldtr', 'tr']:
        selector, base, limit, attributes, present = after[name]
        if segment_parts(start_segments[name]) == (selector, base, limit, attributes & 0xF0FF, present):
            continue
        if present and selector & ~3:
            result.append(f'{name}={selector:x}:{base:x}:{limit:x}:{attributes & 0xF0FF:x}')
        else:
            result.append(f'{name}={selector:x}')
    for address in sorted(changes):
        result.append(f'[{address:x}]={changes[address]:x}')
    return ' '.join(result)


def write_environments(path):
    with open(path, 'w') as stream:
        for name, (memory, registers) in BASES.items():
            stream.write(f'environment {name}\n')
            for key, value in registers.items():
                stream.write(f'{key}={value:x}\n')
            for address in sorted(memory):
                if memory[address]:
                    stream.write(f'[{address:x}]={memory[address]:x}\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=3600)
    parser.add_argument('--modes', type=int, default=5000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    write_environments(os.path.join(here, 'environments.txt'))
    machine = bochs.Machine()
    write_cases(machine, os.path.join(here, 'cases.txt'), cases.KINDS, options.seed, options.count, first=1)
    write_cases(machine, os.path.join(here, 'modes.txt'), modes.KINDS, options.seed, options.modes,
                first=100001)
    os._exit(0)


def write_cases(machine, path, weights, seed, count, first):
    kinds = [kind for kind, weight in weights for _ in range(weight)]
    written = 0
    with open(path, 'w') as stream:
        number = first - 1
        while written < count:
            number += 1
            rng = random.Random(seed * 1000003 + number)
            scene = rng.choice(kinds)(rng)
            environment.finish(scene.memory, scene.registers)
            name = environment.PERSPECTIVES[scene.perspective][0]
            ending, after, changes = machine.run(scene.memory, scene.registers)
            if ending in ('stray', 'limit'):
                continue
            # A single-step trap after the final HLT is the machine's next step, not this one's.
            if after and after['rflags'] & 0x100:
                continue
            before = words(scene.registers, scene.memory, BASES[name])
            after = outcome(ending, after, changes, scene.registers, scene.memory)
            stream.write(f'{number} {scene.perspective} {scene.label} | {name} | {before} | {after}\n')
            written += 1


if __name__ == '__main__':
    main()
