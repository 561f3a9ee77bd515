"""Random cases of five-level paging and protection keys, which the Bochs CPU of `bochs.py` lacks."""

import environment
from cases import (FREE, PAGING_CODE, LANDING, Scene, control, flags, mutate_entry)
from environment import (CODE, CODE32_0, DATA, DATA_0, DATA_3, CODE64_0, CODE64_3, CODE32_3, P, TABLES, U,
                         W, WINDOW, long_environment, protected_environment)

TOP = TABLES + 0x8000
SECOND = TABLES + 0x9000
# The page where the second implementation starts a case; see `qemu_start.S`.
START_PAGE = 0x20000
# Linear addresses that lead to physical zero, by way of the second entry of each table, through
# entries 1 and 256 of the fifth level.
WIDE_WINDOW = 1 << 48 | 1 << 39 | 1 << 30
UPPER_WINDOW = 0xFF << 56 | 1 << 39 | 1 << 30
# The same for four levels.
FOUR_WINDOW = 1 << 39 | 1 << 30
PKE, LA57 = 1 << 22, 1 << 12


def keyed_environment():
    """Four levels, protection keys on."""
    memory, registers = long_environment()
    memory.put(TABLES + 0x3000 + 8 * (START_PAGE >> 12), START_PAGE | P | W | 0x60)
    registers['cr4'] |= PKE
    return memory, registers


def five_environment():
    """Five levels: the four of the other environments below the first entry of a fifth."""
    memory, registers = keyed_environment()
    memory.put(TOP, TABLES | P | W | U | 0x20)
    for entry in (1, 256):
        memory.put(TOP + 8 * entry, SECOND | P | W | U)
    memory.put(SECOND + 8, TABLES + 0x6000 | P | W | U)
    registers.update(cr3=TOP, cr4=registers['cr4'] & ~PKE | LA57)
    return memory, registers


environment.ENVIRONMENTS.update({
    'keyed': keyed_environment, 'five': five_environment,
    'unpaged': lambda: protected_environment()})
environment.PERSPECTIVES.update({
    'keyed0': ('keyed', CODE64_0, DATA_0), 'keyed3': ('keyed', CODE64_3, DATA_3),
    'five0': ('five', CODE64_0, DATA_0), 'five3': ('five', CODE64_3, DATA_3),
    'fivecompat3': ('five', CODE32_3, DATA_3), 'unpaged0': ('unpaged', CODE32_0, DATA_0)})


# QEMU reads before it asks whether it may write: the error code of a read-modify-write lacks W.
ACCESS_CODE = {name: code for name, code in PAGING_CODE.items() if name not in ('add', 'bts', 'cmpxchg8b')}


def finish_user_page(scene):
    """SMEP forbids ring 0 to execute a user page."""
    if scene.registers['cs'] & 3 == 0 and scene.perspective != 'unpaged0':
        entry = TABLES + 0x3000 + 8 * (CODE >> 12)
        scene.memory.put8(entry, scene.memory.get8(entry) & ~U)


def access(rng, scene, window):
    """Code that reaches for DATA through `window`; returns the addresses of the entries on the way."""
    registers, memory = scene.registers, scene.memory
    name = rng.choice(list(ACCESS_CODE))
    page = rng.choice([DATA, DATA, DATA, DATA + 0xFFE, DATA + 0xFFD])
    offset = rng.randrange(0x100) * 8 if page == DATA else 0
    address = (window + page + offset) & (1 << 64) - 1
    registers.update(rbx=address, rax=0x1122334455667788, rsi=address, rdi=address,
                     rdx=rng.getrandbits(32), rcx=rng.getrandbits(32))
    if name == 'movs':
        registers[rng.choice(['rsi', 'rdi'])] = DATA
    scene.code(*ACCESS_CODE[name])
    if name in ('execute', 'call'):
        memory.put(DATA + (address & 0xFFF & ~7), 0xF4F4F4F4F4F4F4F4)
        if name == 'call':
            memory.put(DATA + (address & 0xFF8), LANDING)
    scene.label = name
    last = TABLES + 0x5000 + 8 * (page + offset >> 12 & 0xFF)
    return [TABLES + 0x4000, last, last, last + 8, TABLES + 0x6008]


def levels(rng):
    scene = Scene(rng.choice(['five0', 'five3', 'five3', 'fivecompat3']))
    finish_user_page(scene)
    if scene.perspective == 'fivecompat3':
        path = access(rng, scene, WINDOW)
        path[-1] = TABLES + 0x1008
        scene.registers['rax'] &= 0xFFFFFFFF
        path += [TABLES, TOP]
    else:
        window, entry = rng.choice([(WIDE_WINDOW, 1), (UPPER_WINDOW, 256), (FOUR_WINDOW, 0)])
        path = access(rng, scene, window)
        path += [SECOND + 8 if entry else TABLES + 8, TOP + 8 * entry, TOP + 8 * entry]
    scene.label = f'five levels {scene.label}'
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        target = rng.choice(path)
        if target not in (TABLES, TOP):
            mutate_entry(rng, scene.memory, target, False)
        else:
            # What also maps the tables and the handlers may lose nothing but its accessed bit.
            scene.memory.put(target, scene.memory[target] & ~0x20)
    control(rng, scene)
    # QEMU has no alignment checks, which AC asks for in ring 3.
    if scene.ring == 0:
        flags(rng, scene, 1 << 18)
    return scene


# Instructions whose operand is an address in RBX, and no stack or jump: QEMU raises #GP where a stack
# reference should raise #SS, and reports a jump's target where the jump should fault.
CANONICAL_CODE = {
    'read': [0x8B, 0x03], 'write': [0x89, 0x03], 'read quadword': [0x48, 0x8B, 0x03],
    'read word': [0x66, 0x8B, 0x03],
    'prefetch': [0x0F, 0x18, 0x0B], 'fxsave': [0x0F, 0xAE, 0x03], 'xlat': [0xD7],
}


def canonical(rng):
    """Addresses about the ends of 48 and 57 bits."""
    scene = Scene(rng.choice(['five0', 'five3', 'keyed0', 'keyed3']))
    finish_user_page(scene)
    name = rng.choice(list(CANONICAL_CODE))
    scene.label = f'canonical {name}'
    width = rng.choice([47, 56, 56, 56, 57, 55, 48])
    end = rng.choice([1 << width, (1 << 64) - (1 << width)])
    distance = rng.choice([0, 1, -1, 2, -2, -4, -7, -8, 3, -512, 512, rng.randrange(-1 << 20, 1 << 20)])
    address = end + distance & (1 << 64) - 1
    # QEMU looks at the two halves of an operand across the end one after the other.
    size = {'fxsave': 512, 'read quadword': 8, 'read word': 2, 'xlat': 1}.get(name, 4)
    address &= ~(size - 1)
    if rng.random() < 0.15:
        address ^= 1 << rng.randrange(40, 64)
    scene.registers.update(rbx=address, rax=0)
    scene.code(*CANONICAL_CODE[name])
    return scene


def keys(rng):
    """A page with a key, rights for it, and everything else that has a say."""
    scene = Scene(rng.choice(['keyed0', 'keyed3', 'keyed3']))
    finish_user_page(scene)
    path = access(rng, scene, FOUR_WINDOW)
    scene.label = f'keys {scene.label}'
    memory, registers = scene.memory, scene.registers
    key = rng.randrange(16)
    for entry in set(path[1:4]):
        chosen = key if rng.random() < 0.8 else rng.randrange(16)
        memory.put(entry, memory.get(entry, 0) & ~(0xF << 59) | chosen << 59)
        if rng.random() < 0.3:
            memory.put(entry, memory[entry] ^ U)
        if rng.random() < 0.25:
            memory.put(entry, memory[entry] ^ W)
    if rng.random() < 0.2:
        # A page of 2 MiB has its key in the directory.
        memory.put(TABLES + 0x4000, P | W | 0x80 | rng.choice([U, U, 0]) | key << 59)
    elif rng.random() < 0.3:
        memory.put(TABLES + 0x4000, memory[TABLES + 0x4000] | rng.randrange(16) << 59)
    registers['pkru'] = rng.choice([
        rng.getrandbits(32), 1 << 2 * key, 2 << 2 * key, 3 << 2 * key, 0xFFFFFFFC, 0x55555554, 0])
    if rng.random() < 0.15:
        mutate_entry(rng, memory, rng.choice(path), False)
    control(rng, scene)
    if rng.random() < 0.1:
        registers['cr4'] ^= PKE
        registers['pkru'] = 0
    if scene.ring == 0:
        flags(rng, scene, 1 << 18)
    return scene


def key_registers(rng):
    """RDPKRU and WRPKRU, and a read through the rights just written."""
    scene = Scene(rng.choice(['keyed0', 'keyed3', 'keyed3']))
    finish_user_page(scene)
    memory, registers = scene.memory, scene.registers
    scene.label = 'key registers'
    key = rng.randrange(16)
    entry = TABLES + 0x5000 + 8 * (DATA >> 12)
    memory.put(entry, memory[entry] | key << 59)
    registers['pkru'] = rng.choice([0, 0, rng.getrandbits(32)])
    registers.update(rax=rng.choice([rng.getrandbits(32), rng.getrandbits(64), 3 << 2 * key, 0]),
                     rcx=rng.choice([0, 0, 0, 0, 1, 1 << 32, rng.getrandbits(64)]),
                     rdx=rng.choice([0, 0, 0, 0, 1, 1 << 32, rng.getrandbits(64)]),
                     rbx=FOUR_WINDOW + DATA, rsi=FOUR_WINDOW + DATA)
    write, read = [0x0F, 0x01, 0xEF], [0x0F, 0x01, 0xEE]
    fetch, store = [0x8B, 0x2B], [0x89, 0x2B]
    # A translation that was made under other rights must not outlive them.
    code = rng.choice([write, read, write + fetch, write + store, fetch + write + fetch,
                       fetch + write + store, write + read, [0x66] + write, [0xF3] + write])
    scene.code(*code)
    if rng.random() < 0.12:
        registers['cr4'] ^= PKE
        registers['pkru'] = 0
    return scene


def control_changes(rng):
    """MOV to CR4, of PKE and LA57 above all, from 64-bit code and before paging."""
    scene = Scene(rng.choice(['keyed0', 'five0', 'keyed3', 'unpaged0']))
    finish_user_page(scene)
    registers = scene.registers
    scene.label = 'control changes'
    value = registers['cr4']
    # QEMU takes PCIDE outside IA-32e mode, and lets PAE be cleared in it.
    others = [7, 20, 16, 11, 25] + ([] if scene.perspective == 'unpaged0' else [17])
    for bit in rng.sample([12, 12, 12, 22, 22, 22] + others, rng.choice([1, 1, 2, 3])):
        value ^= 1 << bit
    if rng.random() < 0.1 and scene.perspective != 'unpaged0':
        value ^= 1 << rng.randrange(32, 64)
    registers.update(rax=value, rcx=0, rdx=0)
    tail = rng.choice([[], [], [0x0F, 0x01, 0xEE], [0x0F, 0x20, 0xE6]])
    scene.code(0x0F, 0x22, 0xE0, *tail)
    return scene


KINDS = [(levels, 4), (canonical, 3), (keys, 5), (key_registers, 3), (control_changes, 1)]
