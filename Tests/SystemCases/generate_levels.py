#!/usr/bin/env python3
"""Writes levels.txt and its part of environments: cases of five levels and protection keys, and what
QEMU makes of them.

    python3 generate_levels.py [--count N] [--seed S]

Needs qemu-system-x86_64 and binutils.
"""

import argparse
import os
import random

import environment
import levels
import qemu

STATUS = 0x8D5
CHECKED = qemu.GENERAL + ['rip', 'rflags', 'cr0', 'cr2', 'cr3', 'cr4']
BASES = {name: environment.ENVIRONMENTS[name]() for name in ('keyed', 'five', 'unpaged')}


def start_words(before, memory, base):
    """`name=value` for what differs from the environment."""
    segments = ['es', 'cs', 'ss', 'ds', 'fs', 'gs']
    result = [f'{name}={value:x}' for name, value in before.items()
              if value != base[1].get(name, 0) or name in segments]
    for address in sorted(set(memory) | set(base[0])):
        if memory.get(address, 0) != base[0].get(address, 0):
            result.append(f'[{address:x}]={memory.get(address, 0):x}')
    return ' '.join(result)


def segment_text(memory, selector):
    """A selector with the hidden part that its descriptor gives it."""
    if selector & ~3 == 0:
        return f'{selector:x}'
    raw = memory[environment.GDT + (selector & ~7)]
    limit = raw & 0xFFFF | raw >> 32 & 0xF0000
    if raw >> 55 & 1:
        limit = limit << 12 | 0xFFF
    base = raw >> 16 & 0xFFFFFF | raw >> 32 & 0xFF000000
    return f'{selector:x}:{base:x}:{limit:x}:{raw >> 40 & 0xF0FF:x}'


def mend(after, changes):
    """What the SDM leaves no doubt about, and QEMU 7.2 does not do.

    A fault saves RFLAGS with RF set; a reserved bit is found in entries that are present only, so that
    RSVD in an error code comes with P.
    """
    vector = (after['rip'] - environment.HANDLERS) // 4
    if vector not in (6, 7, 10, 11, 12, 13, 14, 17):
        return
    has_code = vector not in (6, 7)
    size = 8 if after['efer'] & 0x400 else 4
    address = after['rsp'] + size * (3 if has_code else 2)
    if address & ~7 in changes:
        changes[address & ~7] |= 0x10000 << 8 * (address & 7)
    if vector == 14 and changes.get(after['rsp'], 0) & 8:
        changes[after['rsp']] |= 1


def outcome(ending, after, changes, before, memory):
    if after is None:
        return ending
    mend(after, changes)
    result = [ending]
    for name in CHECKED:
        start, value = before.get(name, 0), after[name]
        if name == 'rflags':
            value, start = value & ~STATUS, start & ~STATUS
        if value != start:
            result.append(f'{name}={value:x}')
    for name in ('es', 'cs', 'ss', 'ds', 'fs', 'gs'):
        if after[name] != before[name]:
            result.append(f'{name}={segment_text(memory, after[name])}')
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
    parser.add_argument('--count', type=int, default=3000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    write_environments(os.path.join(here, 'levels_environments.txt'))
    machine = qemu.Machine()
    kinds = [kind for kind, weight in levels.KINDS for _ in range(weight)]
    written, number = 0, 200000
    with open(os.path.join(here, 'levels.txt'), 'w') as stream:
        while written < options.count:
            number += 1
            rng = random.Random(options.seed * 1000003 + number)
            scene = rng.choice(kinds)(rng)
            name = environment.PERSPECTIVES[scene.perspective][0]
            ending, after, changes = machine.run(scene.memory, scene.registers)
            if ending == 'limit':
                continue
            before = start_words(scene.registers, scene.memory, BASES[name])
            after = outcome(ending, after, changes, scene.registers, scene.memory)
            stream.write(f'{number} {scene.perspective} {scene.label} | {name} | {before} | {after}\n')
            written += 1
    machine.stop()


if __name__ == '__main__':
    main()
