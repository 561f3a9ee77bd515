"""Random system cases: each function sets one kind of scene in `memory` and `registers`."""

from environment import (
    CODE, CODE32_0, CODE32_3, CODE64_0, CODE64_3, DATA, DATA_0, DATA_3, ENTRY, FREE_SELECTORS, GDT,
    HANDLERS, HIGH_WINDOW, IDT, IST_TOP, LDT_SELECTOR, P, STACK0_TOP, TABLES, TSS, TSS_SELECTOR,
    USER_STACK_TOP, W, WINDOW, descriptor, start)

LANDING = CODE + 0x40  # HLT, in ring 3's reach
FREE = 0x58
FREE16 = 0x60


class Scene:
    """A case under construction."""

    def __init__(self, perspective):
        self.perspective = perspective
        self.memory, self.registers = start(perspective)
        self.label = ''

    @property
    def is64(self):
        return self.perspective.startswith('long')

    @property
    def is_long(self):
        return self.perspective[0] in 'lc' and not self.perspective.startswith('classic')

    @property
    def ring(self):
        return int(self.perspective[-1])

    def code(self, *values):
        self.memory.text(CODE, values)

    def stack(self, pointer):
        """The linear address of a stack pointer in a segment named by its paragraph."""
        return (self.registers['ss'] << 4) + (pointer & 0xFFFF)


def oneof(rng, *values):
    return rng.choice(values)


def random_descriptor(rng):
    access = rng.choice([
        0x9B, 0xFB, 0x93, 0xF3, 0x91, 0xF1, 0x99, 0xF9, 0x9F, 0xFF, 0x97, 0x95, 0xF7, 0xDB, 0xB3,
        0x92, 0xFA, rng.randrange(256), rng.randrange(256) | 0x80, rng.randrange(256) | 0x90])
    flags = rng.choice([0xC, 0xC, 0xA, 0xA, 0x4, 0x8, 0, rng.randrange(16)])
    limit = rng.choice([0xFFFFF, 0xFFFFF, 0xFFFFF, 0xFFFFF, 0xFFF, 0x9FFF, 0])
    base = rng.choice([0, 0, 0, 0, 0, 0x100])
    return descriptor(base, limit, access, flags)


def random_selector(rng, scene):
    """A selector, most often that of a free slot with a random descriptor."""
    scene.memory.put(GDT + FREE, random_descriptor(rng))
    return rng.choice([
        FREE, FREE, FREE, FREE | 3, FREE | 3, FREE | rng.randrange(4), 0, rng.randrange(4),
        CODE64_0, DATA_0, CODE32_0, CODE32_3, DATA_3, CODE64_3, DATA_3 & ~3, CODE32_3 & ~3,
        4 | rng.randrange(4) << 3 | rng.randrange(4), 0x24, 0x3C, 0x80, 0x7B, TSS_SELECTOR,
        LDT_SELECTOR, rng.randrange(0x88)])


def flags(rng, scene, *bits):
    for bit in bits:
        if rng.random() < 0.3:
            scene.registers['rflags'] |= bit


PAGING_CODE = {
    'read': [0x8B, 0x03], 'write': [0x89, 0x03], 'add': [0x01, 0x03], 'execute': [0xFF, 0xE3],
    'push': [0xFF, 0x33], 'pop': [0x8F, 0x03], 'read8': [0x8A, 0x03], 'cmpxchg8b': [0x0F, 0xC7, 0x0B],
    'bts': [0x0F, 0xAB, 0x03], 'movs': [0xA5], 'call': [0xFF, 0x13],
}


def paging(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'long0', 'long3', 'compat3', 'pae0', 'pae3',
                              'classic0', 'classic3']))
    registers, memory = scene.registers, scene.memory
    name = rng.choice(list(PAGING_CODE))
    scene.label = f'paging {name}'
    page = rng.choice([DATA, DATA, DATA, DATA + 0xFFE, DATA + 0xFFD])
    window = HIGH_WINDOW if scene.is64 else WINDOW
    address = window + page + (rng.randrange(0x100) * 8 if page == DATA else 0)
    registers.update(rbx=address, rax=0x1122334455667788, rsi=address, rdi=address,
                     rdx=rng.getrandbits(32), rcx=rng.getrandbits(32))
    if not scene.is64:
        registers['rax'] &= 0xFFFFFFFF
    if name == 'movs':
        registers[rng.choice(['rsi', 'rdi'])] = DATA
    scene.code(*PAGING_CODE[name])
    if name in ('execute', 'call'):
        memory.put(DATA + (address & 0xFFF & ~7), 0xF4F4F4F4F4F4F4F4)
        if name == 'call':
            memory.put(DATA + (address & 0xFF8), LANDING)
    classic = scene.perspective.startswith('classic')
    path = window_path(scene, address)
    for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3])):
        mutate_entry(rng, memory, rng.choice(path), classic)
    control(rng, scene)
    flags(rng, scene, 1 << 18)
    return scene


def window_path(scene, address):
    """Addresses of the entries that map `address`, and of the next page's last one."""
    last = TABLES + 0x5000
    index = address >> 12 & 0xFF
    if scene.perspective.startswith('classic'):
        return [TABLES + 4 * (WINDOW >> 22), last + 4 * index, last + 4 * index, last + 4 * index + 4]
    path = [TABLES + 0x4000, last + 8 * index, last + 8 * index, last + 8 * index + 8]
    if scene.is64:
        path += [TABLES + 8, TABLES + 0x6008]
    elif scene.is_long:
        path += [TABLES + 0x1008]
    elif rng_is_pae(scene):
        path += [TABLES + 8]
    return path


def rng_is_pae(scene):
    return scene.perspective.startswith('pae')


def mutate_entry(rng, memory, address, classic):
    reserved = rng.choice([1 << rng.randrange(40, 52), 1 << rng.randrange(13, 21)])
    bits = [P, W, W, 4, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x80, 0x100, 0x200, 0x800]
    if not classic:
        bits += [1 << 63, 1 << 63, 1 << 63, reserved, 1 << rng.randrange(52, 63)]
        value = memory.get(address, 0) ^ rng.choice(bits)
        # A reserved bit in the frame number of a small page would only lead out of memory.
        if value & 0x1FE000 & ~0x1F000 and not value & 0x80:
            return
        memory.put(address, value)
    else:
        bits += [1 << 21] if address < TABLES + 0x1000 else []
        bit = rng.choice(bits)
        memory.put8(address + (bit.bit_length() - 1) // 8,
                    memory.get8(address + (bit.bit_length() - 1) // 8)
                    ^ bit >> 8 * ((bit.bit_length() - 1) // 8))


def control(rng, scene):
    """Random WP, SMEP, SMAP, PGE, PSE, NXE."""
    registers = scene.registers
    name = 'paging' if 'paging' in registers else 'cr0'
    if rng.random() < 0.4:
        registers[name] ^= 0x10000
    for bit in (7, 20, 21, 4):
        if rng.random() < 0.35:
            registers['cr4'] ^= 1 << bit
    if rng.random() < 0.25:
        registers['efer'] ^= 0x800


def random_gate(rng, scene, vector):
    """Replaces the gate of `vector`."""
    memory = scene.memory
    selector = random_selector(rng, scene) if rng.random() < 0.6 else (
        CODE64_0 if scene.is_long else CODE32_0)
    kinds = [0xE, 0xE, 0xE, 0xF, 0xF] + ([6, 7, rng.choice([4, 0xC, 0, 9])]
                                         if not scene.is_long else [rng.randrange(16)])
    kind = rng.choice(kinds)
    access = kind | rng.choice([0x80, 0x80, 0x80, 0xE0, 0xE0, 0xE0, 0x60, 0, 0xA0, 0x90])
    offset = HANDLERS + 4 * vector
    if scene.is_long:
        if rng.random() < 0.05:
            offset |= 0x8000 << 32
        ist = rng.choice([0, 0, 0, 1, 2, 3, rng.randrange(256)])
        low = offset & 0xFFFF | selector << 16 | ist << 32 | access << 40
        memory.put(IDT + 16 * vector, low | (offset >> 16 & 0xFFFF) << 48)
        memory.put(IDT + 16 * vector + 8, offset >> 32)
    else:
        memory.put(IDT + 8 * vector, offset & 0xFFFF | selector << 16 | access << 40)


SOURCES = [([0xCD, 0x50], 0x50), ([0xCD, 0x50], 0x50), ([0xCC], 3), ([0x0F, 0x0B], 6), ([0xF1], 1),
           ([0xF7, 0xF1], 0), ([0xCD, 0x0D], 13), ([0xA1], 14)]


def gates(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'long3', 'compat3', 'compat0', 'prot0', 'prot3',
                              'prot3']))
    code, vector = rng.choice(SOURCES)
    if code == [0xA1]:
        code = [0x8B, 0x03]
        scene.registers['rbx'] = 0x1FF000 if scene.is_long else 0
        if not scene.is_long:
            code, vector = [0xCE], 4
            scene.registers['rflags'] |= 0x800
    scene.code(*code)
    scene.label = f'gate of vector {vector}'
    random_gate(rng, scene, vector)
    if rng.random() < 0.15:
        random_gate(rng, scene, 13)
    if rng.random() < 0.2:
        scene.registers['idtlimit'] = rng.choice([0x4FF, 0x507, 0x50F, 0x2F, 0x287, 0x27F])
    mutate_tss(rng, scene)
    flags(rng, scene, 1, 0x200, 0x4000, 1 << 18, 0x3000, 0x400)
    return scene


def mutate_tss(rng, scene):
    if rng.random() > 0.25:
        return
    memory = scene.memory
    if scene.is_long:
        value = rng.choice([0x8000000000000000, 0x1FF000, STACK0_TOP - 3, 8, 0, ENTRY])
        memory.put(TSS + rng.choice([4, 4, 36, 44]), value)
    elif rng.random() < 0.7:
        memory.put32(TSS + 8, random_selector(rng, scene))
    else:
        memory.put32(TSS + 4, rng.choice([4, 0, 0xFFFFFFF0, STACK0_TOP - 2]))


def segment_loads(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'compat3', 'prot0', 'prot3', 'prot0']))
    selector = random_selector(rng, scene)
    number = rng.choice([0, 2, 2, 3, 4, 5, 1])
    scene.registers['rax'] = selector
    scene.registers['rbx'] = DATA
    form = rng.choice(['mov', 'mov', 'mov', 'pop', 'load'])
    scene.label = f'load segment {number}'
    if form == 'pop' and number >= 4:
        scene.memory.put(scene.registers['rsp'] & ~7, selector)
        scene.code(0x0F, 0xA1 if number == 4 else 0xA9)
    elif form == 'load' and number in (2, 4, 5):
        scene.memory.put(DATA, 0x12345678 | selector << 32)
        scene.code(0x0F, {2: 0xB2, 4: 0xB4, 5: 0xB5}[number], 0x0B)
    else:
        scene.code(0x8E, 0xC0 | number << 3)
    return scene


def limits(rng):
    """Accesses through segments with small limits and odd types."""
    scene = Scene(rng.choice(['prot0', 'prot3', 'compat3', 'prot0']))
    access = rng.choice([0xF3, 0xF1, 0xF7, 0xF5, 0xFB, 0xF9]) if rng.random() < 0.9 else 0x93
    limit = rng.choice([0, 1, 3, 0x10, 0x7FF, 0xFFF, 0x9FFF])
    scene.memory.put(GDT + FREE, descriptor(rng.choice([0, DATA]), limit, access,
                                            rng.choice([4, 0, 0xC if limit < 0x20 else 4])))
    number = rng.choice([3, 0, 4, 5, 2])
    selector = FREE | scene.ring
    scene.registers[{3: 'ds', 0: 'es', 4: 'fs', 5: 'gs', 2: 'ss'}[number]] = selector
    prefix = {3: 0x3E, 0: 0x26, 4: 0x64, 5: 0x65, 2: 0x36}[number]
    if number == 2:
        scene.registers['rsp'] = limit + rng.randrange(12)
    scene.registers['rbx'] = (limit + rng.randrange(-9, 3)) & 0xFFFFFFFF
    if rng.random() < 0.1:
        scene.registers['rbx'] = rng.choice([0xFFFFFFFF, 0xFFFF, 0xFFFFFFFD, 0xFFFE])
    scene.label = f'limit of segment {number}'
    body = rng.choice([[0x8B, 0x03], [0x89, 0x03], [0x8A, 0x03], [0x01, 0x03], [0x66, 0x8B, 0x03],
                       [0x0F, 0xC7, 0x0B], [0x50], [0x8F, 0x03], [0xFF, 0x33]])
    scene.code(prefix, *body)
    return scene


def far_operand(rng, scene):
    """A selector and offset for a far transfer; sets descriptors and call gates."""
    memory = scene.memory
    selector = random_selector(rng, scene)
    offset = rng.choice([LANDING] * 7 + [0x1FF123, 0x8000000000000000])
    if rng.random() < 0.45:
        target = random_selector(rng, scene) if rng.random() < 0.5 else (
            CODE64_0 if scene.is_long else CODE32_0)
        kind = 0xC if rng.random() < 0.85 else rng.choice([4, 5, 1, 3, 9, 0xB, 0xE])
        if not scene.is_long and kind in (5, 1, 3, 9, 0xB):
            kind = 0xC
        access = kind | rng.choice([0xE0, 0xE0, 0xE0, 0x80, 0x60, 0xA0])
        count = rng.choice([0, 0, 0, 1, 3]) if not scene.is_long else 0
        memory.put(GDT + FREE16, ENTRY & 0xFFFF | target << 16 | count << 32 | access << 40)
        upper = 0 if rng.random() < 0.9 else rng.choice([0x8000, 1 << 40])
        if scene.is_long:
            memory.put(GDT + FREE16 + 8, upper)
        selector = FREE16 | rng.choice([0, 3, scene.ring])
    return selector, offset


def far_transfers(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'compat3', 'compat0', 'prot0', 'prot3']))
    selector, offset = far_operand(rng, scene)
    form = rng.choice(['jmp', 'call', 'jmp', 'call', 'direct'])
    registers, memory = scene.registers, scene.memory
    registers['rbx'] = DATA
    if form == 'direct' and not scene.is64:
        opcode = rng.choice([0xEA, 0x9A])
        scene.code(opcode, *(offset & 0xFFFFFFFF).to_bytes(4, 'little'), *selector.to_bytes(2, 'little'))
    else:
        wide = scene.is64 and rng.random() < 0.5
        narrow = not wide and rng.random() < 0.1
        size = 8 if wide else 2 if narrow else 4
        memory.put(DATA, offset & (1 << 8 * size) - 1 | (selector << 8 * size if size < 8 else 0))
        if wide:
            memory.put(DATA + 8, selector)
        scene.code(*([0x48] if wide else [0x66] if narrow else []), 0xFF, 0x2B if form == 'jmp' else 0x1B)
    scene.label = f'far {form}'
    mutate_tss(rng, scene)
    return scene


def far_returns(rng):
    scene = Scene(rng.choice(['long0', 'long0', 'long3', 'compat3', 'compat0', 'prot0', 'prot0',
                              'prot3']))
    registers, memory = scene.registers, scene.memory
    is_iret = rng.random() < 0.65
    size = 4
    prefix = []
    if scene.is64 and rng.random() < 0.7:
        size, prefix = 8, [0x48]
    elif rng.random() < 0.1:
        size, prefix = 2, [0x66]
    good = {'long': [CODE64_0, CODE64_3, CODE32_3], 'compat': [CODE64_0, CODE32_3, CODE64_3],
            'prot': [CODE32_0, CODE32_3]}[scene.perspective[:-1]]
    selector = rng.choice(good) if rng.random() < 0.55 else random_selector(rng, scene)
    stack_selector = rng.choice([DATA_3, DATA_3, DATA_3, DATA_0, 0, 3, random_selector(rng, scene)])
    image = rng.choice([2, 0x202, 0x102, 0x4202, 0x3202, 0x10202, rng.getrandbits(22), 0x40246])
    if scene.perspective.startswith('prot'):
        image &= ~0x20000
    frame = [rng.choice([LANDING] * 6 + [0x8000000000000000, 0x1FF000]), selector]
    if is_iret:
        frame.append(image)
    release = 0
    if not is_iret and rng.random() < 0.3:
        release = rng.choice([4, 8, 16])
        frame += [0] * 0
    outer = [rng.choice([USER_STACK_TOP - 0x40] * 5 + [0x8000000000000000]), stack_selector]
    base = registers['rsp'] = registers['rsp'] - 0x80
    position = base
    mask = (1 << 8 * size) - 1
    for index, value in enumerate(frame + outer):
        if index == len(frame):
            position += release
        for byte in range(size):
            memory.put8(position + byte, (value & mask) >> 8 * byte & 0xFF)
        position += size
    registers['rflags'] |= rng.choice([0, 0, 0, 0x3000, 0x200, 0x4000 if scene.is_long else 0])
    if is_iret:
        scene.code(*prefix, 0xCF)
    elif release:
        scene.code(*prefix, 0xCA, release, 0)
    else:
        scene.code(*prefix, 0xCB)
    scene.label = f'{"iret" if is_iret else "far return"} {8 * size}'
    return scene


def system_calls(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'long3', 'long0', 'compat3', 'prot0', 'prot3']))
    registers = scene.registers
    name, code = rng.choice([
        ('syscall', [0x0F, 0x05]), ('sysret', [0x0F, 0x07]), ('sysretq', [0x48, 0x0F, 0x07]),
        ('sysenter', [0x0F, 0x34]), ('sysexit', [0x0F, 0x35]), ('sysexitq', [0x48, 0x0F, 0x35]),
        ('swapgs', [0x0F, 0x01, 0xF8])])
    if scene.perspective[0] in 'pc' and code[0] == 0x48:
        code = code[1:]
    scene.code(*code)
    scene.label = name
    bad = 0x0000800000000000
    registers.update(
        star=rng.choice([0x0020000800000000, 0x0023000800000000, 0x0020001B00000000]),
        lstar=rng.choice([ENTRY, ENTRY, ENTRY, CODE]), cstar=ENTRY,
        fmask=rng.choice([0, 0x200, 0x47700, 0xFFFFFFFF]), kernelgs=rng.choice([0x1234, bad - 1]),
        sysentercs=rng.choice([8, 8, 0, 3, 0xB, 0x18]), sysenteresp=STACK0_TOP,
        sysentereip=ENTRY, gsbase=rng.choice([0, 0x77777]),
        rcx=rng.choice([LANDING, LANDING, LANDING, bad, 0xFFFF800000000000, 0x1FF000]),
        rdx=rng.choice([LANDING, LANDING, bad, 0x1FF000]), r11=rng.getrandbits(22))
    if scene.perspective.startswith('prot'):
        registers.pop('gsbase')
        registers['r11'] = 0
        registers['sysentercs'] = rng.choice([0x18, 0x18, 0x18, 0])
        registers['rcx'] &= 0xFFFFFFFF
        registers['rdx'] &= 0xFFFFFFFF
    if name.startswith('syse') and not scene.perspective.startswith('prot'):
        registers['rcx'] = rng.choice([USER_STACK_TOP - 64, bad])
    elif name.startswith('syse'):
        registers['rcx'] = USER_STACK_TOP - 64
    if rng.random() < 0.12:
        registers['efer'] &= ~1
    flags(rng, scene, 0x200, 0x400, 0x1, 0x4000 if scene.is_long else 0)
    return scene


def control_registers(rng):
    scene = Scene(rng.choice(['long0', 'long0', 'long3', 'prot0', 'prot0', 'prot3', 'compat0']))
    registers = scene.registers
    number = rng.choice([0, 0, 2, 3, 4, 4, 8] if scene.is64 else [0, 0, 2, 3, 4, 4])
    value = registers.get(f'cr{number}', 0)
    known = {0: [0, 1, 2, 3, 5, 16, 18, 29, 30, 31, 6, 40], 4: [2, 3, 4, 5, 6, 7, 8, 9, 10, 16,
             20, 21, 17, 32, 63, 29], 3: [3, 4, 5, 40, 52, 63, 2], 2: [0, 63], 8: [0, 3, 4, 32]}
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        value ^= 1 << rng.choice(known[number])
    if not scene.is64:
        value &= 0xFFFFFFFF
    registers['rax'] = value
    kind = rng.choice(['write', 'write', 'write', 'write', 'read', 'clts', 'lmsw', 'smsw'])
    scene.label = f'{kind} cr{number}'
    rex = [0x44] if number == 8 else []
    if kind == 'write':
        scene.code(*rex, 0x0F, 0x22, 0xC0 | (number & 7) << 3)
    elif kind == 'read':
        scene.code(*rex, 0x0F, 0x20, 0xC3 | (number & 7) << 3)
    elif kind == 'clts':
        registers['cr0'] |= 8
        scene.code(0x0F, 0x06)
    elif kind == 'lmsw':
        registers['rax'] = rng.getrandbits(16)
        scene.code(0x0F, 0x01, 0xF0)
    else:
        scene.code(*rng.choice([[], [0x66], [0x48] if scene.is64 else []]), 0x0F, 0x01, 0xE3)
    return scene


def debug_registers(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'prot0', 'compat0']))
    registers = scene.registers
    if rng.random() < 0.5:
        number = rng.randrange(8)
        value = rng.choice([0, rng.getrandbits(32), 0xFFFF0FF0, 0x400, 1 << 32, 1 << 63, 0x2400])
        registers['rax'] = value & (0xFFFFFFFFFFFFFFFF if scene.is64 else 0xFFFFFFFF)
        registers['dr7'] = rng.choice([0x400, 0x400, 0x400, 0x2400])
        if rng.random() < 0.4:
            registers['cr4'] ^= 8
        write = rng.random() < 0.6
        if write and number in (5, 7):
            registers['rax'] &= ~0xFFFF08FF  # arm nothing, and no RTM
        scene.code(0x0F, 0x23 if write else 0x21, 0xC0 | number << 3)
        scene.label = f'{"write" if write else "read"} dr{number}'
        return scene
    kind = rng.choice([0, 1, 3])
    length = 0 if kind == 0 else rng.choice([0, 1, 3])
    which = rng.randrange(4)
    registers['dr7'] = 0x400 | rng.choice([1, 2, 3]) << 2 * which | (kind | length << 2) << 16 + 4 * which
    registers[f'dr{which}'] = CODE + 2 if kind == 0 else DATA + rng.choice([0, 4, 3, 1, 8])
    registers['rbx'] = DATA
    registers['rflags'] |= rng.choice([0, 0, 0x10000])
    body = rng.choice([[0x8B, 0x03], [0x89, 0x03], [0xFF, 0x33], [0x90, 0x90], [0x8A, 0x03]])
    scene.code(*body, 0x90, 0x90)
    scene.label = 'breakpoint'
    return scene


def single_step(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'prot0', 'prot3', 'compat3']))
    registers = scene.registers
    registers['rax'] = registers['ss']
    registers['rsi'] = registers['rdi'] = DATA
    registers['rcx'] = 3
    scene.memory.put(registers['rsp'] & ~7, rng.choice([2, 0x102, 0x202]))
    # PUSHF, OR with TF, POPF: the trap follows the instruction after them.
    scene.code(0x9C, 0x81, 0x0C, 0x24, 0, 1, 0, 0, 0x9D, *rng.choice([
        [0x90, 0x90], [0x8E, 0xD0, 0x90, 0x90], [0x9D, 0x90, 0x90], [0xCD, 0x50], [0xF3, 0xA4, 0x90],
        [0x0F, 0x0B], [0xCC], [0xF1], [0xFB, 0x90], [0xEB, 0x02, 0x90, 0x90, 0x90], [0x9C, 0x90],
        [0x0F, 0x05], [0x8B, 0x00, 0x90]]))
    registers.update(star=0x0020000800000000, lstar=ENTRY, fmask=rng.choice([0, 0x100]))
    flags(rng, scene, 0x200, 0x3000)
    scene.label = 'single step'
    return scene


def model_specific_registers(rng):
    scene = Scene(rng.choice(['long0', 'long0', 'long0', 'long3', 'prot0']))
    registers = scene.registers
    index, values = rng.choice([
        (0xC0000080, [registers['efer'] ^ 1 << b for b in (0, 8, 10, 11, 1, 40, 2)]),
        (0xC0000081, [0x0020000800000000, 1 << 63]),
        (0xC0000082, [ENTRY, 1 << 47, 0xFFFF800000000000, 1 << 63]),
        (0xC0000083, [ENTRY, 1 << 47]), (0xC0000084, [0x47700, 1 << 32, 0xFFFFFFFF]),
        (0xC0000100, [DATA, 1 << 47, 0xFFFF800000000000]), (0xC0000101, [DATA, 1 << 47]),
        (0xC0000102, [DATA, 1 << 47]), (0x174, [8, 0xFFFF]), (0x175, [STACK0_TOP, 1 << 47]),
        (0x176, [ENTRY, 1 << 47]), (0x277, [0x0007040600070406, 0x0007040600070402, 8, 1 << 63]),
        (0x176, [1 << 63])])
    value = rng.choice(values)
    registers.update(rcx=index, rax=value & 0xFFFFFFFF, rdx=value >> 32)
    write = rng.random() < 0.75
    scene.code(0x0F, 0x30 if write else 0x32)
    scene.label = f'{"write" if write else "read"} MSR {index:X}'
    return scene


def privileged(rng):
    scene = Scene(rng.choice(['long3', 'prot3', 'compat3', 'long3', 'prot0', 'long0']))
    registers = scene.registers
    registers['rflags'] |= rng.choice([0, 0, 0x1000, 0x2000, 0x3000, 0x3200])
    registers['rdx'] = rng.choice([0, 3, 4, 7, 0x60, 0x7F, 0x80, 0x3F8, 0xFFFF, 0x76, 0x13])
    registers['rsi'] = registers['rdi'] = DATA
    registers['rbx'] = DATA
    if rng.random() < 0.2:
        scene.memory.put8(TSS + 0x66, rng.choice([0x67, 0x70, 0x86, 0x87, 0x88, 0]))
    scene.memory.put(registers['rsp'] & ~7, rng.choice([2, 0x3202, 0x202, 0x3246]))
    scene.code(*rng.choice([
        [0xFA], [0xFB], [0xEE], [0xEF], [0x66, 0xEF], [0xE6, 0x10], [0xE7, 0x7D], [0x6E], [0x6F],
        [0xF4], [0x0F, 0x01, 0x13], [0x0F, 0x01, 0x1B], [0x0F, 0x01, 0x03], [0x0F, 0x01, 0x0B],
        [0x0F, 0x09], [0x0F, 0x01, 0x3B], [0x9D], [0x9C], [0x66, 0x9D], [0x0F, 0x01, 0xCA],
        [0x0F, 0x01, 0xCB]]))
    scene.memory.put(DATA, 0x1000 << 16 | 0x7F)
    scene.memory.put(DATA + 8, 0)
    scene.label = 'privileged'
    return scene


def descriptor_queries(rng):
    scene = Scene(rng.choice(['long0', 'long3', 'prot0', 'prot3', 'compat3']))
    registers = scene.registers
    selector = random_selector(rng, scene)
    system = rng.random() < 0.5
    if system:
        access = rng.choice([0x89, 0x82, 0x8B, 0xE2, 0x09, 0x02, 0x81, 0x8C, 0xEC, 0x8E, 0x85,
                             rng.randrange(32) | 0x80, 0xE9])
        scene.memory.put(GDT + FREE16, descriptor(TSS, rng.choice([0x67, 0x87]), access & ~0x10, 0))
        scene.memory.put(GDT + FREE16 + 8, rng.choice([0, 0, 0, 0x8000, 1 << 40]))
        selector = FREE16 | rng.choice([0, 0, 3])
    registers['rax'] = selector
    registers['rbx'] = rng.getrandbits(64) if scene.is64 else rng.getrandbits(32)
    registers['rcx'] = rng.randrange(0x88)
    code = rng.choice([
        [0x0F, 0x02, 0xD8], [0x0F, 0x03, 0xD8], [0x0F, 0x00, 0xE0], [0x0F, 0x00, 0xE8],
        [0x0F, 0x00, 0xD0], [0x0F, 0x00, 0xD8], [0x48, 0x0F, 0x02, 0xD8], [0x0F, 0x00, 0xC3],
        [0x0F, 0x00, 0xCB], [0x63, 0xC8], [0x66, 0x0F, 0x03, 0xD8]])
    if not scene.is64 and code[0] == 0x48:
        code = code[1:]
    scene.code(*code)
    scene.label = 'descriptor query'
    return scene


KINDS = [(paging, 5), (gates, 4), (segment_loads, 3), (limits, 2), (far_transfers, 4),
         (far_returns, 4), (system_calls, 2), (control_registers, 2), (debug_registers, 1),
         (single_step, 1), (model_specific_registers, 1), (privileged, 2), (descriptor_queries, 3)]
