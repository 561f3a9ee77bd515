"""Random cases of real-address, virtual-8086 and 16-bit protected mode, task switches and paging
modes, in the same form as those of cases.py."""

from cases import FREE, LANDING, Scene, flags, random_descriptor, random_selector
from environment import (
    CODE, CODE32_0, CODE32_3, CODE64_0, DATA, DATA_0, DATA_3, GDT, HANDLERS, IDT, LDT_SELECTOR,
    STACK0_TOP, STACK1_TOP, TABLES, TSS, TSS_SELECTOR, USER_STACK_TOP, WINDOW, P, U, W, descriptor,
    gate32)

TASK = 0xE000  # the other task's state
FREE16, TASK_SELECTOR, GATE_SELECTOR = 0x60, 0x68, 0x70


def immediate(value, size):
    return list((value & (1 << 8 * size) - 1).to_bytes(size, 'little'))


def put(memory, address, value, size):
    for offset, byte in enumerate(immediate(value, size)):
        memory.put8(address + offset, byte)


# Real-address mode

def real(rng):
    scene = Scene('real')
    registers = scene.registers
    if rng.random() < 0.3:
        # The same code at another offset.
        paragraphs = rng.choice([1, 0x10, 0x8F])
        registers['cs'] -= paragraphs
        registers['rip'] = paragraphs << 4
    for name in ('rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp'):
        registers[name] = rng.choice([rng.getrandbits(16), rng.getrandbits(32), rng.randrange(64)])
    return scene


def unreal(rng, scene):
    """Cached limits and rights that protected mode left behind."""
    for name in ('ss', 'ds', 'es', 'fs', 'gs', 'cs'):
        if rng.random() < 0.4:
            limit = rng.choice([0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFF, 0xFFF, 0x7FFF])
            if name == 'cs':
                limit = rng.choice([0xFFFFFFFF, 0xFFFFF, 0x7FFF])
            scene.registers[name + 'limit'] = limit
        if rng.random() < 0.2 and name != 'cs':
            scene.registers[name + 'attr'] = rng.choice([0x93, 0x4093, 0x97, 0x91, 0x9B, 0xF3])
    if rng.random() < 0.3:
        scene.registers['ssattr'] = 0x4093


def wide(rng, *code):
    """The code with a random operand-size prefix, and the size."""
    if rng.random() < 0.4:
        return [0x66, *code], 4
    return [*code], 2


def real_near(rng):
    scene = real(rng)
    registers = scene.registers
    base = registers['rip']
    target = base + 0x40 if rng.random() < 0.7 else rng.choice([0xFFFF, 0x10000, 0x1_FFFF, 0xFFFE])
    registers['rbx'] = target
    registers['rsp'] = rng.choice([0x800, 0x802, 0, 1, 2, 3, 4, 0xFFFF, 0xFFFE, 0x12340800])
    unreal(rng, scene) if rng.random() < 0.4 else None
    code, size = wide(rng, rng.choice([0xE8, 0xE9]))
    kind = rng.randrange(5)
    if kind == 0:
        scene.code(*code, *immediate(target - base - len(code) - size, size))
        scene.label = 'real near relative'
    elif kind == 1:
        code, size = wide(rng, 0xFF, rng.choice([0xD3, 0xE3]))
        scene.code(*code)
        scene.label = 'real near register'
    elif kind == 2:
        code, size = wide(rng, 0xFF, rng.choice([0x16, 0x26]))
        put(scene.memory, DATA + 0x10, target, 4)
        scene.code(*code, 0x10, 0)
        scene.label = 'real near memory'
    elif kind == 3:
        code, size = wide(rng, rng.choice([0xC3, 0xC2]))
        top = scene.stack(registers['rsp'])
        put(scene.memory, top, target, 4) if top < 0x1FFF0 else None
        scene.code(*code, *([4, 0] if code[-1] == 0xC2 else []))
        scene.label = 'real near return'
    else:
        registers['rcx'] = rng.choice([0, 1, 2, 0x10000, 0x10001, 0xFFFF])
        prefix = rng.choice([[], [0x67], [0x66]])
        scene.code(*prefix, rng.choice([0xE0, 0xE1, 0xE2, 0xE3, 0xEB, 0x74, 0x75]), 0x20)
        scene.label = 'real short'
    return scene


def real_far(rng):
    scene = real(rng)
    registers = scene.registers
    registers['rsp'] = rng.choice([0x800, 0x802, 0, 1, 2, 3, 4, 6, 0xFFFF, 0xFFFC, 0x56780800])
    selector, offset = rng.choice([(0x900, 0x40), (0x8FF, 0x50), (0x904, 0), (0x900, 0x10040),
                                   (0xFFFF, 0xFFFF), (0x800, 0x1040)])
    unreal(rng, scene) if rng.random() < 0.3 else None
    kind = rng.randrange(4)
    code, size = wide(rng, rng.choice([0xEA, 0x9A]))
    if kind == 0:
        scene.code(*code, *immediate(offset, size), *immediate(selector, 2))
    elif kind == 1:
        code, size = wide(rng, 0xFF, rng.choice([0x1E, 0x2E]))
        put(scene.memory, DATA + 0x10, offset, size)
        put(scene.memory, DATA + 0x10 + size, selector, 2)
        scene.code(*code, 0x10, 0)
    else:
        code, size = wide(rng, rng.choice([0xCB, 0xCA, 0xCF]))
        top = scene.stack(registers['rsp'])
        if top < 0x1FFE0:
            put(scene.memory, top, offset, size)
            put(scene.memory, top + size, selector, 2)
            put(scene.memory, top + 2 * size, rng.getrandbits(22) & ~0x100, size)
        scene.code(*code, *([6, 0] if code[-1] == 0xCA else []))
    scene.label = f'real far {code[-1]:x}'
    return scene


def real_interrupts(rng):
    scene = real(rng)
    registers = scene.registers
    registers['rsp'] = rng.choice([0x800, 0, 1, 2, 3, 4, 5, 6, 0xFFFF, 0x9ABC0800])
    registers['idtlimit'] = rng.choice([0x3FF, 0x3FF, 0x3FF, 0x13F, 0x142, 0x143, 0x37, 0x36, 0xF])
    unreal(rng, scene) if rng.random() < 0.3 else None
    scene.code(*rng.choice([[0xCD, 0x50], [0xCD, rng.getrandbits(8)], [0xCC], [0xCE], [0xF1],
                            [0x0F, 0x0B], [0xF7, 0xF1], [0x62, 0x06, 0, 0], [0x0F, 0x00, 0xC0],
                            [0x63, 0xC0], [0x0F, 0x05], [0x0F, 0x34], [0x0F, 0x00, 0xD0]]))
    registers['rcx'] = 0
    flags(rng, scene, 1, 0x200, 0x4000, 1 << 18, 0x3000, 0x400, 0x800)
    scene.label = 'real interrupt'
    return scene


def real_limits(rng):
    scene = real(rng)
    registers = scene.registers
    if rng.random() < 0.6:
        unreal(rng, scene)
    edge = rng.choice([0xFFFF, 0xFFFF, 0xFFF, 0x7FFF, 0x10000, 0])
    registers['rbx'] = (edge + rng.randrange(-9, 4)) & 0xFFFFFFFF
    registers['rsp'] = rng.choice([0x800, 0, 1, 2, 3, 0xFFFF, 0xFFFD, 0xFFE, 0x10000])
    registers['rsi'], registers['rdi'] = registers['rbx'], rng.choice([0x20, 0xFFFE, 0xFFFF])
    registers['rbp'] = rng.choice([0x800, 0xFFFF, 0xFFFE, 1])
    prefix = rng.choice([0x3E, 0x26, 0x64, 0x65, 0x36, 0x2E])
    narrow = rng.random() < 0.6
    memory = 0x07 if narrow else 0x03
    body = rng.choice([[0x8B, memory], [0x89, memory], [0x8A, memory], [0x01, memory],
                       [0x66, 0x8B, memory], [0x66, 0x89, memory], [0x0F, 0xC7, memory | 8],
                       [0x8F, memory], [0xFF, memory | 0x30], [0xA5], [0x66, 0xA5], [0xAB], [0xAD],
                       [0xC4, memory | 8], [0x62, memory], [0xD7], [0x0F, 0xA3, memory],
                       [0x60], [0x61], [0x66, 0x60], [0xC8, 4, 0, 2], [0xC9], [0x66, 0xC9],
                       [0x50], [0x66, 0x58], [0x0F, 0x01, memory | 0x10], [0x0F, 0x01, memory]])
    scene.code(*([] if narrow else [0x67]), prefix, *body)
    scene.label = f'real limit {body[0]:x}'
    return scene


def real_segments(rng):
    scene = real(rng)
    registers = scene.registers
    unreal(rng, scene)
    registers['rax'] = rng.choice([0xA00, 0xA01, 0x1F00, 0, 0x18])
    registers['rbx'] = rng.choice([0, 0x10, 0x1000, 0xFFFF])
    number = rng.choice([0, 3, 4, 5, 2])
    body = rng.choice([[], [0x8B, 0x07], [0x67, 0x89, 0x03], [0x50, 0x58]])
    scene.code(0x8E, 0xC0 | number << 3, {0: 0x26, 3: 0x3E, 4: 0x64, 5: 0x65, 2: 0x36}[number], *body)
    scene.label = 'real segment load'
    return scene


def mode_switch(rng):
    """Protected mode and back, with whatever code segment is cached."""
    scene = real(rng)
    registers, memory = scene.registers, scene.memory
    registers.update(gdt=GDT, gdtlimit=0x7F, rsp=0x800)
    memory.put(GDT + FREE, descriptor(rng.choice([0, CODE, 0x100]), rng.choice([0xFFFFF, 0xFFFF]),
                                      rng.choice([0x9B, 0x9B, 0x99, 0x9F, 0x93, 0x1B, 0xFB]),
                                      rng.choice([0xC, 4, 0, 0x8])))
    memory.put(GDT + FREE16, random_descriptor(rng))
    enter = rng.choice([[0x0F, 0x20, 0xC0, 0x0C, 0x01, 0x0F, 0x22, 0xC0],
                        [0xB8, 0x01, 0x00, 0x0F, 0x01, 0xF0]])
    leave = [0x0F, 0x20, 0xC0, 0x24, 0xFE, 0x0F, 0x22, 0xC0]
    load = [0xB8, FREE16, 0, 0x8E, 0xD8 | rng.choice([0, 0, 8])]
    here = registers['rip']
    size = 4 if rng.random() < 0.3 else 2
    target = rng.choice([LANDING, LANDING - CODE, LANDING - 0x100, 0xFFFF])
    jump = [*([0x66] if size == 4 else []), 0xEA, *immediate(target, size), FREE, 0]
    body = rng.choice([[*enter, *jump], [*enter, *load, *leave, 0x8B, 0x07], [*enter, *load, *jump],
                       [*enter, *load, *leave, 0xEA, *immediate(here + 0x60, 2),
                        *immediate(registers['cs'], 2)], [*enter, 0xCD, 0x50],
                       [*enter, *load, *leave, 0xCD, 0x50]])
    registers['rbx'] = rng.choice([0x10, 0xFFF, 0x10000])
    scene.code(*body)
    scene.label = 'mode switch'
    return scene


def real_system(rng):
    scene = real(rng)
    registers, memory = scene.registers, scene.memory
    memory.put(DATA, rng.getrandbits(48))
    registers['rbx'] = 0
    registers['rax'] = rng.choice([0x10, 0x11, 0x13, 0x80000011, 0x80000010, 0x20000010, 0x60000010,
                                   rng.getrandbits(32) & ~0x80000000])
    registers['rcx'] = rng.choice([0x10, 0xC0000080, 0x174])
    registers['rdx'] = 0
    code, _ = wide(rng, *rng.choice([
        [0x0F, 0x01, 0x17], [0x0F, 0x01, 0x1F], [0x0F, 0x01, 0x07], [0x0F, 0x01, 0x0F],
        [0x0F, 0x01, 0xE0], [0x0F, 0x01, 0x27], [0x0F, 0x01, 0xF0], [0x0F, 0x22, 0xC0],
        [0x0F, 0x22, 0xD8], [0x0F, 0x06], [0x0F, 0x01, 0x3F], [0x0F, 0x00, 0xC8],
        [0x0F, 0x02, 0xC0], [0x0F, 0x20, 0xE3], [0x9C], [0xFA], [0xFB, 0x90], [0x0F, 0x30]]))
    scene.code(*code)
    flags(rng, scene, 0x200, 0x4000, 0x3000)
    scene.label = 'real system'
    return scene


# Virtual-8086 mode

def virtual(rng):
    scene = Scene('virtual')
    registers, memory = scene.registers, scene.memory
    registers.update(virtual=1, cs=0x900, rip=0, ss=0xB00, ds=0xA00, es=0xA00, fs=0xA10, gs=0xA20)
    registers['rsp'] = rng.choice([0x800, 0x800, 0x800, 0, 1, 2, 3, 0xFFFE])
    registers['rflags'] |= rng.choice([0, 0x1000, 0x3000, 0x3000])
    flags(rng, scene, 1, 0x200, 0x4000, 1 << 18, 0x400, 1 << 19, 1 << 20)
    registers['cr4'] |= rng.choice([0, 1, 1])
    if rng.random() < 0.3:
        memory.put32(TSS + 0x64, rng.choice([0xAF, 0xC8, 0x70]) << 16)
    for offset in range(0x68, 0x88):
        memory.put8(TSS + offset, rng.choice([0, 0xFF, rng.getrandbits(8)]))
    for name in ('rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp'):
        registers[name] = rng.choice([rng.getrandbits(16), rng.getrandbits(32), rng.randrange(64)])
    return scene


def virtual_flags(rng):
    scene = virtual(rng)
    top = scene.stack(scene.registers['rsp'])
    code, size = wide(rng, rng.choice([0x9C, 0x9D, 0xCF, 0xFA, 0xFB, 0xCF]))
    if top < 0x1FFF0:
        frame = [rng.choice([0x40, 0x40, 0x10040]), 0x900, rng.getrandbits(22) & ~(0x100 if rng.random() < 0.9 else 0)]
        which = rng.randrange(2)
        for index, value in enumerate(frame[2 * which:]):
            put(scene.memory, top + index * size, value, size)
    scene.code(*code)
    scene.label = f'virtual flags {code[-1]:x}'
    return scene


def virtual_interrupts(rng):
    scene = virtual(rng)
    scene.code(*rng.choice([[0xCD, 0x50], [0xCD, rng.getrandbits(8)], [0xCD, 3], [0xCC], [0xCE], [0xF1],
                            [0x0F, 0x0B], [0xF7, 0xF1], [0xCD, 0xFF]]))
    scene.registers['rcx'] = 0
    flags(rng, scene, 0x800)
    if rng.random() < 0.1:
        scene.memory.put(IDT + 8 * 0x50, gate32(HANDLERS + 4 * 0x50, rng.choice([CODE32_3, CODE32_0, FREE]),
                                                rng.choice([0x8E, 0xEE, 0xEF, 0xE6, 0x6E])))
    scene.label = 'virtual interrupt'
    return scene


def virtual_others(rng):
    scene = virtual(rng)
    registers = scene.registers
    registers['rdx'] = rng.choice([0, 3, 4, 7, 0x60, 0x7F, 0x80, 0x3F8, 0xFFFF, 0x13])
    registers['rbx'] = rng.choice([0, 0xFFFF, 0xFFFE, 0x10])
    registers['rax'] = rng.choice([0xA00, 0x1F00, 0x1234])
    scene.code(*rng.choice([
        [0xF4], [0xEE], [0xEC], [0xE6, 0x10], [0x66, 0xEF], [0x0F, 0x20, 0xC0], [0x0F, 0x22, 0xC0],
        [0x0F, 0x01, 0xE0], [0x0F, 0x01, 0xF0], [0x0F, 0x00, 0xC0], [0x63, 0xC0], [0x0F, 0x06],
        [0x8E, 0xD8, 0x8B, 0x07], [0x8E, 0xC0], [0x8E, 0xD0, 0x90], [0x8B, 0x07], [0x89, 0x07],
        [0x50], [0x58], [0x67, 0x8B, 0x03], [0xEA, 0x40, 0, 0, 0x09], [0x9A, 0x40, 0, 0, 0x09],
        [0x66, 0xEA, 0x40, 0, 0, 0, 0, 0x09], [0xC5, 0x07], [0x0F, 0x01, 0x07], [0x0F, 0x30],
        [0x0F, 0x34], [0x0F, 0x05], [0x0F, 0x21, 0xC0], [0x60], [0x61], [0x0F, 0x01, 0x3F],
        [0x0F, 0x02, 0xC0], [0xCB], [0x1F], [0x0E], [0x6C], [0x6E]]))
    scene.label = 'virtual code'
    return scene


def virtual_flags_in_protected_mode(rng):
    scene = Scene('prot3')
    registers = scene.registers
    registers['rflags'] |= rng.choice([0, 0x1000, 0x3000])
    flags(rng, scene, 0x200, 1 << 19, 1 << 20)
    registers['cr4'] |= rng.choice([0, 2, 2, 3])
    scene.memory.put(registers['rsp'] & ~7, rng.getrandbits(22) & ~0x20100)
    scene.code(*rng.choice([[0xFA], [0xFB, 0x90], [0x9C], [0x9D], [0x66, 0x9C], [0x66, 0x9D]]))
    scene.label = 'protected virtual interrupts'
    return scene


# 16-bit protected mode

def narrow(rng):
    """Code, data and stack in 16-bit segments."""
    scene = Scene(rng.choice(['prot0', 'prot0', 'prot3']))
    registers, memory = scene.registers, scene.memory
    ring = scene.ring
    rights = ring << 5
    stack_base = 0x6000 if ring == 0 else 0xB000
    memory.put(GDT + FREE, descriptor(CODE, rng.choice([0xFFFF, 0xFFFF, 0x60]), 0x9B | rights, 0))
    memory.put(GDT + FREE16, descriptor(stack_base, rng.choice([0xFFFF, 0xFFFF, 0xFFF]),
                                        rng.choice([0x93, 0x93, 0x97]) | rights, rng.choice([0, 0, 4])))
    memory.put(GDT + TASK_SELECTOR, descriptor(DATA, rng.choice([0xFFFF, 0x7F]),
                                               rng.choice([0x93, 0x91]) | rights, 0))
    registers.update(cs=FREE | ring, ss=FREE16 | ring, ds=TASK_SELECTOR | ring, rip=0)
    registers['rsp'] = rng.choice([0xF00, 0xF00, 0x12340F00, 0, 1, 2, 3, 4, 0xFFFE])
    registers['rbx'] = rng.choice([0, 0x10, 0x7E, 0xFFFF, 0xFFFE, 0x10000])
    registers['rax'] = rng.choice([0x40, 0x60, 0x61, 0x1234])
    return scene


def narrow_code(rng):
    scene = narrow(rng)
    registers, memory = scene.registers, scene.memory
    registers['rbp'] = rng.choice([0xF00, 0xFFFF, 2])
    prefix = rng.choice([[], [], [0x66], [0x67]])
    memory8 = 0x03 if prefix == [0x67] else 0x07
    top = (0x6000 if scene.ring == 0 else 0xB000) + (registers['rsp'] & 0xFFFF)
    if top < 0x1FFF0:
        put(memory, top, rng.choice([0x40, 0x60, 0x61]), 4)
        put(memory, top + (4 if prefix == [0x66] else 2), FREE | scene.ring, 2)
    size = 4 if prefix == [0x66] else 2
    scene.code(*prefix, *rng.choice([
        [0x8B, memory8], [0x89, memory8], [0x50], [0x58], [0xE8, *immediate(0x30, size)],
        [0xE9, *immediate(rng.choice([0x30, 0x60]), size)], [0xFF, 0xE0], [0xFF, 0xD0], [0xC3],
        [0xC2, 2, 0], [0xCB], [0xC9], [0xC8, 2, 0, 1], [0x60], [0x61], [0xFF, memory8 | 0x30],
        [0x8F, memory8], [0xCD, 0x50], [0xCC], [0xEA, *immediate(0x40, size), FREE | scene.ring, 0],
        [0x9A, *immediate(0x40, size), FREE | scene.ring, 0], [0x1E], [0x1F], [0x16, 0x17],
        [0x0F, 0x01, memory8], [0xA5], [0xAB], [0xAD], [0x75, 0x30], [0xE2, 0x30]]))
    scene.label = 'narrow code'
    return scene


def narrow_gates(rng):
    """286 gates and TSS, and 16-bit targets of 32-bit ones."""
    scene = narrow(rng) if rng.random() < 0.5 else Scene(rng.choice(['prot0', 'prot3']))
    registers, memory = scene.registers, scene.memory
    if rng.random() < 0.4:
        # A 16-bit TSS: SP and SS of the inner levels from offset 2 on.
        memory.put(GDT + (TSS_SELECTOR & ~7), descriptor(TSS, rng.choice([0x2B, 0x87]), 0x83, 0))
        put(memory, TSS + 2, STACK0_TOP, 2)
        put(memory, TSS + 4, rng.choice([DATA_0, DATA_0, GATE_SELECTOR]), 2)
    memory.put(GDT + GATE_SELECTOR, descriptor(0x100, 0xFFFF, 0x93, 0))
    if rng.random() < 0.3:
        memory.put32(TSS + 8, GATE_SELECTOR)
    memory.put(GDT + 0x78, descriptor(rng.choice([0, 0x100]), 0xFFFF, rng.choice([0x9B, 0x9F]), 0))
    target = rng.choice([CODE32_0, 0x78, 0x78])
    kind = rng.choice([6, 7, 6, 0xE])
    memory.put(IDT + 8 * 0x50, gate32(HANDLERS + 4 * 0x50, target, 0xE0 | kind))
    if rng.random() < 0.5 and registers['cs'] & ~3 != FREE:
        gate = rng.choice([4, 4, 0xC])
        memory.put(GDT + FREE, HANDLERS | target << 16 | rng.choice([0, 0, 1, 3]) << 32 | (0xE0 | gate) << 40)
        scene.code(rng.choice([0x9A, 0x9A, 0xEA]), 0, 0, 0, 0, FREE | scene.ring, 0)
        scene.label = f'narrow call gate {gate}'
    else:
        scene.code(0xCD, 0x50)
        scene.label = f'narrow interrupt gate {kind}'
    flags(rng, scene, 0x200, 0x4000)
    return scene


# Instructions by their 16-bit and 32-bit encodings

STATUS = 0x8D5
# Bytes, which status flags are defined afterwards, whether a ModR/M byte follows.
INSTRUCTIONS = (
    [([8 * row + form], STATUS if row in (0, 2, 3, 5, 7) else STATUS & ~0x10, True)
     for row in range(8) for form in range(4)]
    + [([0x40 + register], STATUS, False) for register in range(16) if register & 7 != 4]
    + [([0x50 + register], STATUS, False) for register in range(16)]
    + [([opcode], STATUS, True) for opcode in (0x88, 0x89, 0x8A, 0x8B, 0x86, 0x87, 0x8D, 0xC4, 0xC5)]
    + [([0x84], STATUS & ~0x10, True), ([0x85], STATUS & ~0x10, True)]
    + [([0x0F, opcode], STATUS, True) for opcode in (0xB6, 0xB7, 0xBE, 0xBF, 0x40, 0x45, 0x4C, 0x92, 0x9F,
                                                    0xB0, 0xB1, 0xC0, 0xC1)]
    + [([0x0F, opcode], 1, True) for opcode in (0xA3, 0xAB, 0xB3, 0xBB)]
    + [([0x0F, 0xC8 + register], STATUS, False) for register in range(8)]
    + [([opcode], STATUS, False) for opcode in (0x98, 0x99, 0x9E, 0x9F, 0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB,
                                                0xAC, 0xAD, 0xAE, 0xAF, 0xF5, 0xF8, 0xF9, 0xFC, 0xD7, 0xD6,
                                                0x60, 0x61, 0xC9, 0x1E, 0x06, 0x90, 0x91, 0x97)]
    + [([0xF3, opcode], STATUS, False) for opcode in (0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAE)]
    + [([opcode], 0x11, False) for opcode in (0x37, 0x3F)]
    + [([opcode], STATUS & ~0x800, False) for opcode in (0x27, 0x2F)]
    + [([0xD4, 10], 0xC4, False), ([0xD5, 10], 0xC4, False), ([0xD4, 7], 0xC4, False)])
IMMEDIATE = [(0x80, 1), (0x81, 0), (0x83, 1), (0xC6, 1), (0xC7, 0), (0x6B, 1), (0x69, 0)]


def addressing(rng, registers, is16, reg=None):
    """A ModR/M byte, its SIB byte and displacement; points the registers it uses at the data."""
    mod, rm = rng.randrange(4), rng.randrange(8)
    reg = rng.randrange(8) if reg is None else reg
    result = [mod << 6 | reg << 3 | rm]
    if mod == 3:
        return result
    for name in ('rbx', 'rsi', 'rdi', 'rbp', 'rax', 'rcx', 'rdx'):
        registers[name] = registers[name] & 0xFFFF0000 | rng.randrange(0x400) if is16 else rng.randrange(0x400)
    if is16:
        size = {0: 2 if rm == 6 else 0, 1: 1, 2: 2}[mod]
    else:
        if rm == 4:
            result.append(rng.getrandbits(8))
        base5 = rm == 5 or rm == 4 and result[1] & 7 == 5
        size = {0: 4 if base5 else 0, 1: 1, 2: 4}[mod]
    displacement = rng.randrange(-0x80, 0x80) if size == 1 else rng.randrange(0x40, 0x400)
    return result + (immediate(displacement, size) if size else [])


def integer_code(rng):
    """One instruction, and what it makes of registers, memory and the flags that are defined."""
    kind = rng.choice(['real', 'narrow', 'flat'])
    if kind == 'real':
        scene = real(rng)
        scene.registers['rsp'] = 0x900
    elif kind == 'narrow':
        scene = narrow(rng)
        scene.memory.put(GDT + FREE, descriptor(CODE, 0xFFFF, 0x9B | scene.ring << 5, 0))
        scene.memory.put(GDT + FREE16, descriptor(0xB000 if scene.ring else 0x6000, 0xFFFF,
                                                  0x93 | scene.ring << 5, 0))
        scene.memory.put(GDT + TASK_SELECTOR, descriptor(DATA, 0xFFFF, 0x93 | scene.ring << 5, 0))
        scene.registers.update(rsp=0xE00, es=TASK_SELECTOR | scene.ring)
    else:
        scene = Scene(rng.choice(['prot0', 'prot3', 'compat3']))
        base = descriptor(DATA, 0xFFFFF, 0xF3, 0xC)
        scene.memory.put(GDT + FREE, base)
        scene.registers.update(ds=FREE | 3, es=FREE | 3)
    registers, memory = scene.registers, scene.memory
    for name in ('rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp'):
        registers[name] = rng.choice([rng.getrandbits(32), rng.getrandbits(8), rng.getrandbits(16), 0,
                                      0xFFFFFFFF, 0x80000000, 0x7FFF, 0x8000])
    for offset in range(0, 0x40, 8):
        memory.put(DATA + 0x100 + offset, rng.getrandbits(64))
    wide_operand, wide_address = kind == 'flat', kind == 'flat'
    prefixes = []
    if rng.random() < 0.35:
        prefixes.append(0x66)
        wide_operand = not wide_operand
    if rng.random() < 0.25:
        prefixes.append(0x67)
        wide_address = not wide_address
    if rng.random() < 0.4:
        opcode, size = rng.choice(IMMEDIATE)
        size = size or (4 if wide_operand else 2)
        reg = {0xC6: 0, 0xC7: 0}.get(opcode)
        body = [opcode] + addressing(rng, registers, not wide_address, reg)
        body += immediate(rng.choice([rng.getrandbits(32), 1, 0x7F, 0xFFFFFFFF]), size)
        operation = body[1] >> 3 & 7
        defined = STATUS & ~0x10 if opcode < 0x84 and operation in (1, 4, 6) else STATUS
        if opcode in (0x69, 0x6B):
            defined = 0x801
    else:
        opcode, defined, has_operand = rng.choice(INSTRUCTIONS)
        body = opcode + (addressing(rng, registers, not wide_address) if has_operand else [])
    if body[0] == 0xF3:
        registers['rcx'] = rng.choice([0, 1, 3, 7])
    if body[0] in (0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0xF3):
        registers['rsi'], registers['rdi'] = rng.randrange(0x100, 0x140), rng.randrange(0x100, 0x140)
        registers['rflags'] |= rng.choice([0, 0x400])
    registers['rflags'] |= rng.getrandbits(12) & STATUS
    # PUSHF; AND WORD [rSP], the defined flags.
    mask = immediate(defined & 0xFFFF, 2)
    keep = [0x66, 0x81, 0x24, 0x24, *mask] if kind == 'flat' else [0x67, 0x81, 0x24, 0x24, *mask]
    scene.code(*prefixes, *body, 0x9C, *keep, 0xCD, 0x50)
    scene.label = f'{kind} instruction {body[0]:x}'
    return scene


# Task switches

def task_state(rng, memory, wide_state, ring):
    """Fills the other task's TSS with something that mostly works."""
    code = rng.choice([CODE32_0, CODE32_0, CODE32_3, CODE32_3])
    data = DATA_3 if code & 3 else DATA_0
    size = 4 if wide_state else 2
    first = 0x20 if wide_state else 0x0E
    stack = USER_STACK_TOP if code & 3 else STACK1_TOP
    image = rng.choice([2, 0x202, 0x4002, 0x3002, 2, 2])
    values = [LANDING, image, 0x11112222, 0x33334444, 0x55556666, 0x77778888, stack - 0x80,
              0x9999AAAA, 0xBBBBCCCC, 0xDDDDEEEE]
    for index, value in enumerate(values):
        put(memory, TASK + first + index * size, value, size)
    selectors = [data, code, data, data, data, data][:6 if wide_state else 4]
    if rng.random() < 0.3:
        index = rng.randrange(len(selectors))
        selectors[index] = rng.choice([0, FREE, FREE | 3, data ^ 3, LDT_SELECTOR, 0x24, 0x88, 4 | rng.getrandbits(5)])
    first = 0x48 if wide_state else 0x22
    for index, value in enumerate(selectors):
        put(memory, TASK + first + index * size, value, 2)
    local = rng.choice([0, LDT_SELECTOR, LDT_SELECTOR, LDT_SELECTOR, FREE, 0x4C] if rng.random() < 0.3 else [LDT_SELECTOR, 0])
    put(memory, TASK + (0x60 if wide_state else 0x2A), local, 2)
    if wide_state:
        put(memory, TASK + 4, STACK0_TOP - 0x400, 4)
        put(memory, TASK + 8, DATA_0, 4)
        put(memory, TASK + 0x64, rng.choice([0, 0, 0, 1]), 2)
        put(memory, TASK + 0x66, 0x68, 2)
    else:
        put(memory, TASK + 2, STACK0_TOP - 0x400, 2)
        put(memory, TASK + 4, DATA_0, 2)


def tasks(rng):
    scene = Scene(rng.choice(['prot0', 'prot0', 'prot3']))
    registers, memory = scene.registers, scene.memory
    wide_state = rng.random() < 0.7
    task_state(rng, memory, wide_state, scene.ring)
    memory.put(GDT + FREE, random_descriptor(rng))
    if rng.random() < 0.25:
        memory.put(GDT + (TSS_SELECTOR & ~7), descriptor(TSS, rng.choice([0x2B, 0x87]), 0x83, 0))
    kind = 9 if wide_state else 1
    form = rng.choice(['jmp', 'call', 'jmp gate', 'call gate', 'int', 'int', 'iret', 'iret', 'fault'])
    busy = 2 if form == 'iret' else 0
    if rng.random() < 0.1:
        busy ^= 2
    access = (kind | busy) | rng.choice([0xE0, 0xE0, 0x80, 0x60, 0xE0])
    limit = rng.choice([0x67 if wide_state else 0x2B] * 6 + [0x66 if wide_state else 0x2A, 0x20, 0xFF])
    memory.put(GDT + TASK_SELECTOR, descriptor(TASK, limit, access, 0))
    gate = TASK_SELECTOR << 16 | rng.choice([0xE5, 0xE5, 0x85, 0x65]) << 40
    memory.put(GDT + GATE_SELECTOR, gate)
    scene.label = f'task {form}'
    registers['rax'], registers['rcx'] = 0x12345678, 0
    if form in ('jmp', 'call', 'jmp gate', 'call gate'):
        selector = (GATE_SELECTOR if 'gate' in form else TASK_SELECTOR) | rng.choice([0, scene.ring])
        scene.code(0xEA if 'jmp' in form else 0x9A, *immediate(rng.getrandbits(32), 4), selector, 0)
    elif form == 'int':
        memory.put(IDT + 8 * 0x50, gate)
        scene.code(0xCD, 0x50)
    elif form == 'fault':
        # One vector without an error code and one with.
        vector, code = rng.choice([(0, [0xF7, 0xF1]), (13, [0x8E, 0xD8]), (6, [0x0F, 0x0B])])
        memory.put(IDT + 8 * vector, gate)
        scene.code(*code)
    else:
        put(memory, TSS, TASK_SELECTOR | rng.choice([0, 0, 0, 4]), 2)
        registers['rflags'] |= 0x4000
        scene.code(0xCF)
    if rng.random() < 0.3:
        registers['dr7'] = 0x400 | rng.choice([1, 2, 3, 0x55])
        registers['dr0'] = 0x1FF00
        registers['dr1'] = registers['dr2'] = registers['dr3'] = 0x1FF00
    flags(rng, scene, 0x200, 0x400)
    return scene


def task_there_and_back(rng):
    """CALL to a task that does IRET."""
    scene = Scene(rng.choice(['prot0', 'prot0', 'prot3']))
    registers, memory = scene.registers, scene.memory
    task_state(rng, memory, True, scene.ring)
    memory.put(GDT + FREE, random_descriptor(rng))
    memory.put(GDT + TASK_SELECTOR, descriptor(TASK, 0x67, 0xE9, 0))
    scene.code(0x9A, 0, 0, 0, 0, TASK_SELECTOR, 0, 0x90, 0x90)
    memory.put8(LANDING, 0xCF)
    put(memory, TSS + 0x60, LDT_SELECTOR, 2)
    scene.label = 'task and back'
    return scene


# Paging and its rights

def user_prevention(rng):
    scene = Scene(rng.choice(['long3', 'prot3', 'compat3', 'long0', 'prot0']))
    scene.registers['cr4'] |= 0x800
    scene.registers['rbx'] = DATA
    scene.code(*rng.choice([[0x0F, 0x01, 0x03], [0x0F, 0x01, 0x0B], [0x0F, 0x00, 0xC0], [0x0F, 0x00, 0xC8],
                            [0x0F, 0x01, 0xE0], [0x0F, 0x01, 0x23], [0x0F, 0x00, 0x03]]))
    scene.label = 'user-mode instruction prevention'
    return scene


def invalidation(rng):
    scene = Scene(rng.choice(['long0', 'long0', 'long3', 'prot0']))
    registers, memory = scene.registers, scene.memory
    if scene.is64 and rng.random() < 0.6:
        registers['cr4'] |= 1 << 17
        registers['cr3'] |= rng.choice([0, 1, 0xFFF])
    registers['rax'] = rng.choice([0, 1, 2, 3, 4, 1 << 32, 0xFFFFFFFF])
    if not scene.is64:
        registers['rax'] &= 0xFFFFFFFF
    registers['rbx'] = DATA
    memory.put(DATA, rng.choice([0, 1, 0xFFF, 0x1000, 1 << 63]))
    memory.put(DATA + 8, rng.choice([0, WINDOW, 1 << 63, 0xFFFF800000000000]))
    scene.code(0x66, 0x0F, 0x38, 0x82, 0x03)
    scene.label = 'invpcid'
    return scene


def stale_translations(rng):
    """Changes a page-table entry, invalidates or not in a way that must, and looks again."""
    scene = Scene('long0')
    registers, memory = scene.registers, scene.memory
    entry = TABLES + 0x5000 + 8 * (DATA >> 12)
    memory.put(entry, (DATA | P | W | U) | rng.choice([0, 0x100]))
    registers['cr4'] |= rng.choice([0, 0x80])
    registers.update(rbx=WINDOW + DATA, rsi=entry, rdi=(0xD000 | P | W), rcx=0)
    memory.put(DATA, 0x1111)
    memory.put(0xD000, 0xF4F4F4F4F4F42222)
    if registers['cr4'] & 0x80:
        # MOV to CR3 leaves global pages alone; toggling PGE does not.
        flush = rng.choice([[0x0F, 0x01, 0x3B],
                            [0x0F, 0x20, 0xE2, 0x80, 0xF2, 0x80, 0x0F, 0x22, 0xE2]])
    else:
        flush = rng.choice([[0x0F, 0x20, 0xDA, 0x0F, 0x22, 0xDA], [0x0F, 0x01, 0x3B]])
    # Load, change the entry, flush, load again.
    scene.code(0x8B, 0x03, 0x48, 0x89, 0x3E, *flush, 0x8B, 0x2B)
    scene.label = 'translation after invalidation'
    return scene


KINDS = [(real_near, 4), (real_far, 4), (real_interrupts, 3), (real_limits, 5), (real_segments, 2),
         (mode_switch, 4), (real_system, 3), (virtual_flags, 4), (virtual_interrupts, 4),
         (virtual_others, 4), (virtual_flags_in_protected_mode, 2), (narrow_code, 5),
         (narrow_gates, 4), (integer_code, 30), (tasks, 7), (task_there_and_back, 2),
         (user_prevention, 1), (invalidation, 1), (stale_translations, 1)]
