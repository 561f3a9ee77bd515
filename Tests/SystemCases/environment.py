"""The machine that system cases start from: tables, pages and register values, as plain data."""

import struct

# Physical layout; the first 2 MiB are RAM and mapped one to one.
GDT = 0x1000
IDT = 0x2000
TSS = 0x3000
LDT = 0x4000
PROLOGUE = 0x4800
HANDLERS = 0x5000  # a HLT for each vector, four bytes apart
STACK0_TOP = 0x7000
STACK1_TOP = 0x8000
CODE = 0x9000
DATA = 0xA000
USER_STACK_TOP = 0xC000
IST_TOP = 0xD000
ENTRY = 0xD000  # where SYSCALL and SYSENTER arrive: HLT
TABLES = 0x10000
RAM_SIZE = 0x200000
# The linear window that paging cases look through; it shows physical memory from zero.
WINDOW = 0x40000000
# The same window through page tables of its own from the top level on.
HIGH_WINDOW = 0x8040000000

P, W, U, A, D = 1, 2, 4, 0x20, 0x40

# Selectors.
CODE64_0, DATA_0, CODE32_0 = 0x08, 0x10, 0x18
CODE32_3, DATA_3, CODE64_3 = 0x23, 0x2B, 0x33
TSS_SELECTOR, LDT_SELECTOR = 0x38, 0x48
FREE_SELECTORS = [0x58, 0x60, 0x68, 0x70, 0x78]
GDT_LIMIT = 0x7F
USER_PAGES = (CODE, DATA, USER_STACK_TOP - 0x1000)


def descriptor(base, limit, access, flags):
    """A segment descriptor; `access` is bits 47:40 and `flags` bits 55:52."""
    return (limit & 0xFFFF | (base & 0xFFFFFF) << 16 | access << 40 | (limit >> 16 & 0xF) << 48
            | flags << 52 | (base >> 24 & 0xFF) << 56)


def gate64(offset, selector, access, ist=0):
    low = offset & 0xFFFF | selector << 16 | ist << 32 | access << 40 | (offset >> 16 & 0xFFFF) << 48
    return low, offset >> 32


def gate32(offset, selector, access):
    return offset & 0xFFFF | selector << 16 | access << 40 | (offset >> 16 & 0xFFFF) << 48


class Memory(dict):
    """Quadwords by physical address; what is not here is zero."""

    def put(self, address, value):
        for offset in range(8):
            self.put8(address + offset, value >> (8 * offset) & 0xFF)

    def put8(self, address, value):
        word = address & ~7
        shift = 8 * (address & 7)
        self[word] = self.get(word, 0) & ~(0xFF << shift) | value << shift

    def get8(self, address):
        return self.get(address & ~7, 0) >> 8 * (address & 7) & 0xFF

    def put32(self, address, value):
        for offset in range(4):
            self.put8(address + offset, value >> (8 * offset) & 0xFF)

    def text(self, address, values):
        for offset, value in enumerate(values):
            self.put8(address + offset, value)


def common(memory, is_long):
    entries = {
        CODE64_0: descriptor(0, 0xFFFFF, 0x9B, 0xA), DATA_0: descriptor(0, 0xFFFFF, 0x93, 0xC),
        CODE32_0: descriptor(0, 0xFFFFF, 0x9B, 0xC), CODE32_3: descriptor(0, 0xFFFFF, 0xFB, 0xC),
        DATA_3: descriptor(0, 0xFFFFF, 0xF3, 0xC), CODE64_3: descriptor(0, 0xFFFFF, 0xFB, 0xA),
        TSS_SELECTOR: descriptor(TSS, 0x87, 0x8B, 0), LDT_SELECTOR: descriptor(LDT, 0x3F, 0x82, 0),
    }
    for selector, value in entries.items():
        memory.put(GDT + (selector & ~7), value)
    for vector in range(256):
        dpl3 = 0x60 if vector in (3, 4, 0x50) else 0
        if is_long:
            low, high = gate64(HANDLERS + 4 * vector, CODE64_0, 0x8E | dpl3)
            memory.put(IDT + 16 * vector, low)
            memory.put(IDT + 16 * vector + 8, high)
        else:
            memory.put(IDT + 8 * vector, gate32(HANDLERS + 4 * vector, CODE32_0, 0x8E | dpl3))
        memory.put8(HANDLERS + 4 * vector, 0xF4)
    # Code and data selectors in the LDT, one of each kind that matters.
    for slot, value in enumerate([
            descriptor(0, 0xFFFFF, 0x9B, 0xC), descriptor(0, 0xFFFFF, 0xFB, 0xC),
            descriptor(0, 0xFFFFF, 0xF3, 0xC), descriptor(0, 0xFFFFF, 0xFB, 0xA)]):
        memory.put(LDT + 8 * slot, value)
    for offset in range(16):
        memory.put8(ENTRY + offset, 0xF4)
    for offset in range(0, 0x200, 8):
        memory.put(CODE + offset, 0xF4F4F4F4F4F4F4F4)
    # The I/O permission bitmap: ports 0-7Fh allowed but for every fourth; the rest lie past it.
    for offset in range(16):
        memory.put8(TSS + 0x68 + offset, 0x88)


def long_environment():
    memory = Memory()
    common(memory, True)
    for offset, value in [(4, STACK0_TOP), (12, STACK1_TOP), (20, STACK1_TOP), (36, IST_TOP),
                          (44, IST_TOP - 0x800)]:
        memory.put(TSS + offset, value)
    memory.put32(TSS + 0x64, 0x68 << 16)
    table = TABLES
    memory.put(table, table + 0x1000 | P | W | U | A)
    memory.put(table + 0x1000, table + 0x2000 | P | W | U | A)
    memory.put(table + 0x2000, table + 0x3000 | P | W | U | A)
    for page in range(32):
        user = U if page * 0x1000 in USER_PAGES else 0
        memory.put(table + 0x3000 + 8 * page, page * 0x1000 | P | W | A | D | user)
    memory.put(table + 0x1008, table + 0x4000 | P | W | U)
    memory.put(table + 0x4000, table + 0x5000 | P | W | U)
    for page in range(32):
        memory.put(table + 0x5000 + 8 * page, page * 0x1000 | P | W | U)
    memory.put(table + 8, table + 0x6000 | P | W | U)
    memory.put(table + 0x6008, table + 0x4000 | P | W | U)
    registers = {
        'cr0': 0x80050033, 'cr3': TABLES, 'cr4': 0x6A0, 'efer': 0xD01, 'gdt': GDT,
        'gdtlimit': GDT_LIMIT, 'idt': IDT, 'idtlimit': 0xFFF, 'ldt': LDT_SELECTOR,
        'tr': TSS_SELECTOR, 'rip': CODE, 'rflags': 2,
    }
    return memory, registers


def protected_environment(paging=None):
    """32-bit protected mode; `paging` is None, 'pae' or 'classic'."""
    memory = Memory()
    common(memory, False)
    for offset, value in [(4, STACK0_TOP), (8, DATA_0), (12, STACK1_TOP), (16, 0x59),
                          (20, STACK1_TOP), (24, 0x5A)]:
        memory.put32(TSS + offset, value)
    memory.put32(TSS + 0x64, 0x68 << 16)
    registers = {
        'cr0': 0x00050033, 'cr3': 0, 'cr4': 0x600, 'efer': 0, 'gdt': GDT, 'gdtlimit': GDT_LIMIT,
        'idt': IDT, 'idtlimit': 0x7FF, 'ldt': LDT_SELECTOR, 'tr': TSS_SELECTOR, 'rip': CODE,
        'rflags': 2,
    }
    table = TABLES
    size = 8 if paging == 'pae' else 4
    put = memory.put if paging == 'pae' else memory.put32
    if paging == 'pae':
        memory.put(table, table + 0x1000 | P)
        memory.put(table + 8, table + 0x4000 | P)
        put(table + 0x1000, table + 0x3000 | P | W | U | A)
        put(table + 0x4000, table + 0x5000 | P | W | U)
        registers.update(paging=0x80050033, cr4=0x620)
    elif paging == 'classic':
        put(table, table + 0x3000 | P | W | U | A)
        put(table + 4 * (WINDOW >> 22), table + 0x5000 | P | W | U)
        registers.update(paging=0x80050033)
    if paging:
        for page in range(32):
            user = U if page * 0x1000 in USER_PAGES else 0
            put(table + 0x3000 + size * page, page * 0x1000 | P | W | A | D | user)
            put(table + 0x5000 + size * page, page * 0x1000 | P | W | U)
    return memory, registers


def real_environment():
    """Real-address mode; the vector table lies where the IDT does elsewhere."""
    memory, registers = protected_environment()
    for vector in range(256):
        memory.put32(IDT + 4 * vector, 4 * vector | (HANDLERS >> 4) << 16)
    for vector in range(256, 512):
        memory.put32(IDT + 4 * vector, 0)
    registers.update(cr0=0x10, idtlimit=0x3FF, ldt=0, tr=0, rip=0)
    return memory, registers


def virtual_environment():
    """Protected mode with a virtual-8086 program: its vector table, and a TSS with both maps."""
    memory, registers = protected_environment()
    for vector in range(256):
        memory.put32(4 * vector, 4 * vector | (HANDLERS >> 4) << 16)
    memory.put(GDT + (TSS_SELECTOR & ~7), descriptor(TSS, 0xAF, 0x8B, 0))
    # The I/O permission map begins behind the redirection map.
    memory.put32(TSS + 0x64, 0x88 << 16)
    for offset in range(0x88, 0xB0):
        memory.put8(TSS + offset, 0x88)
    return memory, registers


ENVIRONMENTS = {
    'long': lambda: long_environment(),
    'protected': lambda: protected_environment(),
    'pae': lambda: protected_environment('pae'),
    'classic': lambda: protected_environment('classic'),
    'real': lambda: real_environment(),
    'virtual': lambda: virtual_environment(),
}

# Selectors of CS and the data segments by kind of code.
PERSPECTIVES = {
    'long0': ('long', CODE64_0, DATA_0), 'long3': ('long', CODE64_3, DATA_3),
    'compat0': ('long', CODE32_0, DATA_0), 'compat3': ('long', CODE32_3, DATA_3),
    'prot0': ('protected', CODE32_0, DATA_0), 'prot3': ('protected', CODE32_3, DATA_3),
    'pae0': ('pae', CODE32_0, DATA_0), 'pae3': ('pae', CODE32_3, DATA_3),
    'real': ('real', 0, 0), 'virtual': ('virtual', CODE32_0, DATA_0),
    'classic0': ('classic', CODE32_0, DATA_0), 'classic3': ('classic', CODE32_3, DATA_3),
}


def start(perspective):
    """Memory and registers for code of one kind."""
    environment, code, data = PERSPECTIVES[perspective]
    memory, registers = ENVIRONMENTS[environment]()
    if environment == 'real':
        registers.update(cs=CODE >> 4, ss=(USER_STACK_TOP - 0x1000) >> 4, rsp=0x800)
        for name in ('ds', 'es', 'fs', 'gs'):
            registers[name] = DATA >> 4
        return memory, registers
    registers['cs'] = code
    for name in ('ss', 'ds', 'es', 'fs', 'gs'):
        registers[name] = data
    registers['rsp'] = (USER_STACK_TOP if code & 3 else STACK0_TOP) - 0x100
    if not code & 3 and environment in ('long', 'pae', 'classic'):
        # SMEP forbids ring 0 to execute a user page.
        entry = TABLES + 0x3000 + (4 if environment == 'classic' else 8) * (CODE >> 12)
        memory.put8(entry, memory.get8(entry) & ~U)
    return memory, registers


def finish(memory, registers):
    """Turns paging on by instructions where the case wants PAE or 32-bit paging.

    PDPTEs are loaded by MOV to CR3, so such cases start without paging in ring 0, execute
    MOV CR3, MOV CR0 and IRET, and only then the code in question.
    """
    if registers.pop('virtual', None):
        return enter_virtual(memory, registers)
    cr0 = registers.pop('paging', None)
    if cr0 is None:
        return
    code = [0xB8, *TABLES.to_bytes(4, 'little'), 0x0F, 0x22, 0xD8,
            0xB8, *cr0.to_bytes(4, 'little'), 0x0F, 0x22, 0xC0,
            0xB8, *registers.get('rax', 0).to_bytes(4, 'little'), 0xCF]
    memory.text(PROLOGUE, code)
    frame = [registers['rip'], registers['cs'], registers['rflags']]
    if registers['cs'] & 3:
        frame += [registers['rsp'], registers['ss']]
        registers['rsp'] = PROLOGUE + 0x100
    else:
        registers['rsp'] -= 12
    for index, value in enumerate(frame):
        memory.put32(registers['rsp'] + 4 * index, value)
    registers.update(cs=CODE32_0, ss=DATA_0, rip=PROLOGUE)


def enter_virtual(memory, registers):
    """Starts in ring 0, at an IRET to the virtual-8086 code in question."""
    memory.put8(PROLOGUE, 0xCF)
    frame = [registers['rip'], registers['cs'], registers['rflags'] | 1 << 17, registers['rsp'],
             registers['ss'], registers['es'], registers['ds'], registers['fs'], registers['gs']]
    registers['rsp'] = STACK0_TOP - 0x400
    for index, value in enumerate(frame):
        memory.put32(registers['rsp'] + 4 * index, value)
    registers.update(cs=CODE32_0, ss=DATA_0, rip=PROLOGUE, rflags=2)
    for name in ('ds', 'es', 'fs', 'gs'):
        registers[name] = DATA_0
