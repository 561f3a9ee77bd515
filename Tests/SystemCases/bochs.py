"""Runs a system case on the Bochs CPU."""

import json
import os

import bochscpu._bochscpu as bochs

from environment import RAM_SIZE, Memory

GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12',
           'r13', 'r14', 'r15']
SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs']
MSRS = {'star': 'star', 'lstar': 'lstar', 'cstar': 'cstar', 'fmask': 'sfmask',
        'kernelgs': 'kernel_gs_base', 'sysentercs': 'sysenter_cs', 'sysenteresp': 'sysenter_esp',
        'sysentereip': 'sysenter_eip'}
DEBUG = ['dr0', 'dr1', 'dr2', 'dr3']
LIMIT = 24


class Machine:
    def __init__(self):
        self.session = bochs.Session()
        self.pages = {}
        self.session.missing_page_handler = self.missing
        for address in range(0, RAM_SIZE, 4096):
            self.pages[address] = bochs.memory.allocate_host_page()
            bochs.memory.page_insert(address, self.pages[address])
        self.strays = 0
        self.ending = None
        self.count = 0
        hook = bochs.Hook()
        hook.hlt = self.halted
        hook.reset = self.reset
        hook.exception = self.exception
        hook.before_execution = self.before
        self.hook = hook

    def missing(self, address):
        self.strays += 1
        page = bochs.memory.allocate_host_page()
        bochs.memory.page_insert(address & ~0xFFF, page)

    def exception(self, session, number, vector, code):
        self.stream.write(f'{vector};')
        self.stream.flush()

    def halted(self, *arguments):
        self.ending = 'hlt'
        self.session.stop()

    def reset(self, *arguments):
        self.ending = 'shutdown'
        self.session.stop()

    def before(self, *arguments):
        self.count += 1
        if self.count > LIMIT:
            self.ending = self.ending or 'limit'
            self.session.stop()

    def run(self, memory, registers):
        """The ending, the registers and the memory after the case.

        A child runs it: Bochs keeps decoded code of earlier cases, and ends its process on a
        shutdown, which is how a shutdown shows.
        """
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(readable)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            self.stream = os.fdopen(writable, 'w')
            json.dump(self.run_here(memory, registers), self.stream)
            self.stream.flush()
            os._exit(0)
        os.close(writable)
        with os.fdopen(readable) as stream:
            text = stream.read()
        os.waitpid(child, 0)
        vectors, _, result = text.rpartition(';')
        if not result:
            # Bochs ends its process for other reasons, too: it must have met a double fault.
            return 'shutdown' if '8' in vectors.split(';') else 'stray', None, None
        if '8' in vectors.split(';')[:-1]:
            return 'shutdown', None, None
        ending, after, changes, strays = json.loads(result)
        if strays:
            return 'stray', None, None
        return ending, after, {int(address): value for address, value in changes.items()}

    def run_here(self, memory, registers):
        for address in range(0, 0x20000, 4096):
            page = bytearray(4096)
            for offset in range(0, 4096, 8):
                value = memory.get(address + offset)
                if value:
                    page[offset:offset + 8] = value.to_bytes(8, 'little')
            bochs.memory.phy_write(address, list(page))
        self.ending, self.count, self.strays = None, 0, 0
        cpu = self.session.cpu
        cpu.set_state(state_from(memory, registers))
        self.session.run([self.hook])
        after = Memory()
        for address in range(0, 0x20000, 4096):
            page = bytes(bochs.memory.phy_read(address, 4096))
            for offset in range(0, 4096, 8):
                value = int.from_bytes(page[offset:offset + 8], 'little')
                if value != memory.get(address + offset, 0):
                    after[address + offset] = value
        return self.ending, registers_from(cpu.state), after, self.strays


def segment(memory, registers, selector, is_system=False):
    """The hidden part that a descriptor gives a register, without any check."""
    result = bochs.Segment()
    result.selector = selector
    if selector & ~3 == 0:
        result.base, result.limit, result.attr, result.present = 0, 0, 0, False
        return result
    table = registers['gdt']
    raw = memory.get(table + (selector & ~7), 0)
    limit = raw & 0xFFFF | raw >> 32 & 0xF0000
    if raw >> 55 & 1:
        limit = limit << 12 | 0xFFF
    result.base = raw >> 16 & 0xFFFFFF | raw >> 32 & 0xFF000000
    result.limit = limit
    result.attr = raw >> 40 & 0xF0FF
    result.present = True
    return result


def start_segment(memory, registers, name):
    """A segment register at the start: in real-address mode a paragraph, with what is said of it."""
    selector = registers[name]
    if registers['cr0'] & 1:
        return segment(memory, registers, selector)
    result = bochs.Segment()
    result.selector, result.base = selector, registers.get(name + 'base', selector << 4)
    result.limit = registers.get(name + 'limit', 0xFFFF)
    result.attr = registers.get(name + 'attr', 0x93)
    result.present = True
    return result


def state_from(memory, registers):
    state = bochs.State()
    for name in GENERAL + ['rip', 'rflags', 'cr2', 'cr3'] + DEBUG:
        setattr(state, name, registers.get(name, 0))
    state.cr0 = registers['cr0']
    state.cr4 = registers['cr4']
    state.efer = registers['efer']
    state.dr6 = registers.get('dr6', 0xFFFF0FF0)
    state.dr7 = registers.get('dr7', 0x400)
    for name in SEGMENTS:
        setattr(state, name, start_segment(memory, registers, name))
    state.ldtr = segment(memory, registers, registers['ldt'])
    state.tr = segment(memory, registers, registers['tr'])
    for name, selector in (('gdtr', 'gdt'), ('idtr', 'idt')):
        table = bochs.GlobalSegment()
        table.base, table.limit = registers[selector], registers[selector + 'limit']
        setattr(state, name, table)
    for name, attribute in MSRS.items():
        setattr(state, attribute, registers.get(name, 0))
    for name in ('fs', 'gs'):
        if name + 'base' in registers and registers['cr0'] & 1:
            part = getattr(state, name)
            part.base = registers[name + 'base']
            setattr(state, name, part)
    state.apic_base = 0xFEE00900
    state.mxcsr = 0x1F80
    state.mxcsr_mask = 0xFFFF
    state.fpcw = 0x37F
    state.pat = 0x0007040600070406
    state.xcr0 = 1
    return state


def registers_from(state):
    result = {name: getattr(state, name) for name in
              GENERAL + ['rip', 'rflags', 'cr0', 'cr2', 'cr3', 'cr4', 'efer', 'dr6', 'dr7'] + DEBUG}
    for name in SEGMENTS + ['ldtr', 'tr']:
        part = getattr(state, name)
        result[name] = (part.selector, part.base, part.limit, part.attr, part.present)
    result['gdt'], result['gdtlimit'] = state.gdtr.base, state.gdtr.limit
    result['idt'], result['idtlimit'] = state.idtr.base, state.idtr.limit
    for name, attribute in MSRS.items():
        result[name] = getattr(state, attribute)
    return result
