"""Runs a system case on QEMU's TCG, which has five-level paging and protection keys.

One emulator with its memory in a shared file runs all cases; the stub for gdb sets the registers,
lets it run until it halts, and reads them again.
"""

import mmap
import os
import socket
import struct
import subprocess
import tempfile
import time

from environment import GDT, TSS_SELECTOR, Memory
from levels import START_PAGE

HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = START_PAGE + 0x800
USED = 0x20000
RAM = 16 << 20
GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12',
           'r13', 'r14', 'r15']
CONTROL = ['cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer']


def assemble(folder):
    """The bytes of `qemu_start.S`."""
    object_, flat = os.path.join(folder, 'start.o'), os.path.join(folder, 'start.bin')
    subprocess.run(['as', '--64', '-o', object_, os.path.join(HERE, 'qemu_start.S')], check=True)
    subprocess.run(['objcopy', '-O', 'binary', '-j', '.text', object_, flat], check=True)
    with open(flat, 'rb') as stream:
        return stream.read()


class Machine:
    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.start = assemble(self.folder)
        self.path = os.path.join(self.folder, 'ram')
        with open(self.path, 'wb') as stream:
            stream.truncate(RAM)
        with open(self.path, 'r+b') as stream:
            self.ram = mmap.mmap(stream.fileno(), RAM)
        # Firmware that halts at once: where a shutdown leads.
        self.firmware = os.path.join(self.folder, 'firmware')
        with open(self.firmware, 'wb') as stream:
            stream.write(bytes([0xF4] * 0x10000))
        self.process = None

    def launch(self):
        address = os.path.join(self.folder, 'gdb')
        if os.path.exists(address):
            os.unlink(address)
        self.process = subprocess.Popen(
            ['qemu-system-x86_64', '-M', 'pc,memory-backend=ram', '-accel', 'tcg,thread=single',
             '-cpu', 'max,phys-bits=40,la57=on,pku=on', '-object',
             f'memory-backend-file,id=ram,size={RAM},mem-path={self.path},share=on', '-m', str(RAM >> 20),
             '-bios', self.firmware, '-display', 'none', '-nodefaults', '-S',
             '-gdb', f'unix:{address},server=on,wait=off'], stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                self.stub = socket.socket(socket.AF_UNIX)
                self.stub.connect(address)
                break
            except OSError:
                time.sleep(0.02)
        self.buffer = b''
        # Asking for the description makes the stub tell of all registers.
        self.ask('qXfer:features:read:target.xml:0,ffb')
        self.ask('Qqemu.PhyMemMode:1')

    def stop(self):
        if self.process:
            self.stub.close()
            self.process.kill()
            self.process.wait()
        self.process = None

    def send(self, text):
        data = text.encode()
        self.stub.sendall(b'$' + data + b'#%02x' % (sum(data) & 0xFF))

    def receive(self):
        while True:
            start = self.buffer.find(b'$')
            end = self.buffer.find(b'#', start)
            if start >= 0 and end >= 0 and len(self.buffer) >= end + 3:
                packet = self.buffer[start + 1:end]
                self.buffer = self.buffer[end + 3:]
                self.stub.sendall(b'+')
                return packet
            data = self.stub.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data

    def ask(self, text):
        self.send(text)
        return self.receive().decode('latin-1')

    def set_register(self, number, value, size=8):
        reply = self.ask(f'P{number:x}={value.to_bytes(size, "little").hex()}')
        if reply != 'OK':
            raise RuntimeError(f'register {number}: {reply}')

    def registers(self):
        raw = bytes.fromhex(self.ask('g').replace('x', '0'))
        general = struct.unpack_from('<17Q', raw)
        flags, *segments = struct.unpack_from('<7I', raw, 136)
        control = struct.unpack_from('<6Q', raw, 164 + 24)
        result = dict(zip(GENERAL_ORDER + ['rip'], general))
        result.update(zip(CONTROL, control), rflags=flags)
        result.update(zip(['cs', 'ss', 'ds', 'es', 'fs', 'gs'], segments))
        return result

    def load(self, memory, registers):
        image = bytearray(USED)
        for address, value in memory.items():
            if address + 8 <= USED:
                struct.pack_into('<Q', image, address, value)
        self.image = bytes(image)
        self.ram[0:USED] = self.image
        # Code goes by the stub, so that what was translated of the last case is forgotten.
        for start, size in ((0x9000, 0x200), (0xA000, 0x1000), (0xB000, 0x10)):
            for offset in range(start, start + size, 1024):
                piece = image[offset:min(offset + 1024, start + size)]
                self.ask(f'M{offset:x},{len(piece):x}:{bytes(piece).hex()}')
        is_long = bool(registers['efer'] & 0x400)
        self.ram[START_PAGE:START_PAGE + len(self.start)] = self.start
        block = bytearray(0x200)
        struct.pack_into('<4Q', block, 0, registers['cr0'], registers['cr3'], registers['cr4'],
                         registers['efer'] & ~0x400)
        struct.pack_into('<HI', block, 32, registers['gdtlimit'], registers['gdt'])
        struct.pack_into('<HI', block, 48, registers['idtlimit'], registers['idt'])
        struct.pack_into('<IH', block, 64, START_PAGE + (0x100 if is_long else 0x300),
                         0x08 if is_long else 0x18)
        struct.pack_into('<5Q', block, 72, registers['ldt'], registers['tr'], registers['ds'],
                         registers.get('pkru', 0), GDT + (TSS_SELECTOR & ~7) + 5)
        struct.pack_into('<5Q', block, 112, registers['rip'], registers['cs'], registers['rflags'],
                         registers['rsp'], registers['ss'])
        struct.pack_into('<16Q', block, 160, *(registers.get(name, 0) for name in GENERAL))
        self.ram[BLOCK:BLOCK + len(block)] = bytes(block)

    def reset(self):
        """Real-address mode at the start page, and no longer halted."""
        self.monitor('system_reset')
        while self.registers()['rip'] != 0xFFF0:
            time.sleep(0.0005)
        for number, value in ((27, 0x10), (32, 0), (30, 0), (29, 0), (28, 0)):
            self.set_register(number, value)
        for number in range(18, 24):
            self.set_register(number, START_PAGE >> 4 if number == 18 else 0, 4)
        self.set_register(17, 2, 4)
        self.set_register(16, 0)

    def run(self, memory, registers):
        """The ending, the registers and the memory after the case."""
        if not self.process:
            self.launch()
        self.load(memory, registers)
        self.reset()
        self.send('c')
        for attempt in range(200):
            time.sleep(0.002)
            self.stub.sendall(b'\x03')
            reply = self.receive()
            after = self.registers()
            if after['cr0'] & 1 == 0 and after['rip'] == 0xFFF1:
                return 'shutdown', None, None
            if after['rip'] and self.ram[after['rip'] - 1 & RAM - 1] == 0xF4 and self.is_halted():
                break
            self.send('c')
        else:
            self.stop()
            return 'limit', None, None
        changes = Memory()
        now = bytes(self.ram[0:USED])
        for address in range(0, USED, 8):
            if now[address:address + 8] != self.image[address:address + 8]:
                changes[address] = int.from_bytes(now[address:address + 8], 'little')
        return 'hlt', after, changes

    def monitor(self, command):
        self.send('qRcmd,' + command.encode().hex())
        text = b''
        while True:
            packet = self.receive()
            if packet == b'OK':
                return text.decode()
            text += bytes.fromhex(packet[1:].decode()) if packet[:1] == b'O' else b''

    def is_halted(self):
        return 'HLT=1' in self.monitor('info registers')


GENERAL_ORDER = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12',
                 'r13', 'r14', 'r15']
