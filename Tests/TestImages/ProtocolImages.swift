/// Small kernels for Multiboot and for the Limine protocol, which print what they were handed.
public enum ProtocolImages {
  // MARK: Multiboot

  /// Checks EAX, prints the command line, the loader's name, and each module's name and content;
  /// ends with debug exit 10h.
  public static let multiboot1Code: [UInt8] = [
    0xBC, 0x00, 0x7F, 0x00, 0x00,  // mov esp,0x7f00
    0x3D, 0x02, 0xB0, 0xAD, 0x2B,  // cmp eax,0x2badb002
    0x75, 0x49,  // jne 55
    0x8B, 0x73, 0x10,  // mov esi,DWORD PTR [ebx+0x10]
    0xE8, 0x47, 0x00, 0x00, 0x00,  // call 5b
    0x8B, 0x73, 0x40,  // mov esi,DWORD PTR [ebx+0x40]
    0xE8, 0x3F, 0x00, 0x00, 0x00,  // call 5b
    0x8B, 0x6B, 0x18,  // mov ebp,DWORD PTR [ebx+0x18]
    0x8B, 0x4B, 0x14,  // mov ecx,DWORD PTR [ebx+0x14]
    0x85, 0xC9,  // test ecx,ecx
    0x74, 0x29,  // je 4f
    0x8B, 0x75, 0x08,  // mov esi,DWORD PTR [ebp+0x8]
    0xE8, 0x2D, 0x00, 0x00, 0x00,  // call 5b
    0x8B, 0x75, 0x00,  // mov esi,DWORD PTR [ebp+0x0]
    0x8B, 0x7D, 0x04,  // mov edi,DWORD PTR [ebp+0x4]
    0x39, 0xFE,  // cmp esi,edi
    0x73, 0x09,  // jae 41
    0xAC,  // lods al,BYTE PTR ds:[esi]
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xEE,  // out dx,al
    0xEB, 0xF3,  // jmp 34
    0xB0, 0x0A,  // mov al,0xa
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xEE,  // out dx,al
    0x83, 0xC5, 0x10,  // add ebp,0x10
    0x49,  // dec ecx
    0xEB, 0xD3,  // jmp 22
    0xB0, 0x10,  // mov al,0x10
    0xE6, 0xF4,  // out 0xf4,al
    0xEB, 0xFE,  // jmp 53
    0xB0, 0x01,  // mov al,0x1
    0xE6, 0xF4,  // out 0xf4,al
    0xEB, 0xFE,  // jmp 59
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xAC,  // lods al,BYTE PTR ds:[esi]
    0x84, 0xC0,  // test al,al
    0x74, 0x03,  // je 68
    0xEE,  // out dx,al
    0xEB, 0xF8,  // jmp 60
    0xB0, 0x0A,  // mov al,0xa
    0xEE,  // out dx,al
    0xC3,  // ret
  ]

  /// Checks EAX, prints for each tag the character 40h + type, and the text of tags 1 to 3; ends
  /// with debug exit 10h.
  public static let multiboot2Code: [UInt8] = [
    0xBC, 0x00, 0x7F, 0x00, 0x00,  // mov esp,0x7f00
    0x3D, 0x89, 0x62, 0xD7, 0x36,  // cmp eax,0x36d76289
    0x75, 0x42,  // jne 4e
    0x8D, 0x6B, 0x08,  // lea ebp,[ebx+0x8]
    0x8B, 0x45, 0x00,  // mov eax,DWORD PTR [ebp+0x0]
    0x85, 0xC0,  // test eax,eax
    0x74, 0x32,  // je 48
    0x04, 0x40,  // add al,0x40
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xEE,  // out dx,al
    0x8D, 0x75, 0x08,  // lea esi,[ebp+0x8]
    0x8A, 0x45, 0x00,  // mov al,BYTE PTR [ebp+0x0]
    0x3C, 0x03,  // cmp al,0x3
    0x77, 0x10,  // ja 38
    0x75, 0x03,  // jne 2d
    0x8D, 0x75, 0x10,  // lea esi,[ebp+0x10]
    0xB0, 0x20,  // mov al,0x20
    0xEE,  // out dx,al
    0xAC,  // lods al,BYTE PTR ds:[esi]
    0x84, 0xC0,  // test al,al
    0x74, 0x03,  // je 38
    0xEE,  // out dx,al
    0xEB, 0xF8,  // jmp 30
    0xB0, 0x0A,  // mov al,0xa
    0xEE,  // out dx,al
    0x8B, 0x45, 0x04,  // mov eax,DWORD PTR [ebp+0x4]
    0x83, 0xC0, 0x07,  // add eax,0x7
    0x83, 0xE0, 0xF8,  // and eax,0xfffffff8
    0x01, 0xC5,  // add ebp,eax
    0xEB, 0xC7,  // jmp f
    0xB0, 0x10,  // mov al,0x10
    0xE6, 0xF4,  // out 0xf4,al
    0xEB, 0xFE,  // jmp 4c
    0xB0, 0x01,  // mov al,0x1
    0xE6, 0xF4,  // out 0xf4,al
    0xEB, 0xFE,  // jmp 52
  ]

  /// A Multiboot 1 header with these flags and fields behind the check sum.
  public static func multiboot1Header(flags: UInt32 = 3, fields: [UInt32] = []) -> [UInt8] {
    words([0x1BAD_B002, flags, 0 &- 0x1BAD_B002 &- flags] + fields)
  }

  /// A Multiboot 2 header with these tags; each is its type, its flags and its words.
  public static func multiboot2Header(
    _ tags: [(type: UInt16, flags: UInt16, words: [UInt32])] = [], architecture: UInt32 = 0
  ) -> [UInt8] {
    var body: [UInt8] = []
    for tag in tags + [(0, 0, [])] {
      body += ELFBuilder.number(UInt64(tag.type), 2) + ELFBuilder.number(UInt64(tag.flags), 2)
      body += words([UInt32(8 + tag.words.count * 4)] + tag.words)
      body += [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
    }
    let magic: UInt32 = 0xE852_50D6
    let length = UInt32(16 + body.count)
    return words([magic, architecture, length, 0 &- magic &- architecture &- length]) + body
  }

  /// An ELF file with a header at its segment's beginning and code behind it.
  public static func elf(
    header: [UInt8], code: [UInt8], at address: UInt64 = 0x10_0000, is64Bit: Bool = true
  ) -> ELFBuilder {
    // The segment's place in the file is a multiple of 8 only in ELF64; tests of Multiboot 2, which
    // wants one, use that.
    var builder = ELFBuilder(code: header + code, at: address)
    builder.is64Bit = is64Bit
    builder.machine = is64Bit ? 62 : 3
    builder.entry = address + UInt64(header.count)
    return builder
  }

  private static func words(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { ELFBuilder.number(UInt64($0), 4) }
  }

  // MARK: Limine

  /// Where the kernel is linked, and where its requests are.
  public static let limineBase: UInt64 = 0xFFFF_FFFF_8000_0000
  /// Where `limineKernel` has its requests.
  public static let limineRequests: UInt64 = limineBase + 0x2000

  /// The words of a request: its own ID, its revision, no answer, and what belongs to it.
  public static func limineRequest(
    _ third: UInt64, _ fourth: UInt64, revision: UInt64 = 0, _ more: [UInt64] = []
  ) -> [UInt64] {
    [0xC7B1_DD30_DF4C_8B88, 0x0A82_E883_A194_F07B, third, fourth, revision, 0] + more
  }

  /// The words of a base revision tag.
  public static func limineRevision(_ revision: UInt64) -> [UInt64] {
    [0xF956_2B2D_5C95_A6C8, 0x6A7B_3849_4453_6BDC, revision]
  }

  /// The marker in front of requests.
  public static let limineStart: [UInt64] = [
    0xF6B8_F4B3_9DE7_D1AE, 0xFAB9_1A69_40FC_B9CF, 0x785C_6ED0_15D3_E316, 0x181E_920A_7852_B9D9,
  ]
  /// The marker behind requests.
  public static let limineEnd: [UInt64] = [0xADC0_E053_1BB1_0D03, 0x9572_709F_3176_4C62]

  /// Checks its base revision, prints the command line, finds itself through the direct map, and
  /// prints each module's path and content; ends with debug exit 10h.
  ///
  /// Its requests are `limineRequestWords`.
  public static let limineCode: [UInt8] = [
    0x49, 0xC7, 0xC7, 0x00, 0x20, 0x00, 0x80,  // mov r15,0xffffffff80002000
    0x49, 0x83, 0x7F, 0x30, 0x00,  // cmp QWORD PTR [r15+0x30],0x0
    0x75, 0x7F,  // jne 8d
    0x49, 0x8B, 0x77, 0x60,  // mov rsi,QWORD PTR [r15+0x60]
    0x48, 0x85, 0xF6,  // test rsi,rsi
    0x74, 0x76,  // je 8d
    0x48, 0x8B, 0x76, 0x08,  // mov rsi,QWORD PTR [rsi+0x8]
    0xE8, 0x73, 0x00, 0x00, 0x00,  // call 93
    0x49, 0x8B, 0x9F, 0x90, 0x00, 0x00, 0x00,  // mov rbx,QWORD PTR [r15+0x90]
    0x48, 0x8B, 0x5B, 0x08,  // mov rbx,QWORD PTR [rbx+0x8]
    0x49, 0x8B, 0x87, 0xC0, 0x00, 0x00, 0x00,  // mov rax,QWORD PTR [r15+0xc0]
    0x48, 0x03, 0x58, 0x08,  // add rbx,QWORD PTR [rax+0x8]
    0x8B, 0x05, 0xC4, 0xFF, 0xFF, 0xFF,  // mov eax,DWORD PTR [rip+0xffffffffffffffc4] # 0
    0x3B, 0x03,  // cmp eax,DWORD PTR [rbx]
    0x75, 0x4D,  // jne 8d
    0x49, 0x8B, 0x87, 0xF0, 0x00, 0x00, 0x00,  // mov rax,QWORD PTR [r15+0xf0]
    0x48, 0x8B, 0x48, 0x08,  // mov rcx,QWORD PTR [rax+0x8]
    0x48, 0x8B, 0x68, 0x10,  // mov rbp,QWORD PTR [rax+0x10]
    0x85, 0xC9,  // test ecx,ecx
    0x74, 0x34,  // je 87
    0x48, 0x8B, 0x5D, 0x00,  // mov rbx,QWORD PTR [rbp+0x0]
    0x48, 0x8B, 0x73, 0x18,  // mov rsi,QWORD PTR [rbx+0x18]
    0xE8, 0x33, 0x00, 0x00, 0x00,  // call 93
    0x48, 0x8B, 0x73, 0x08,  // mov rsi,QWORD PTR [rbx+0x8]
    0x48, 0x8B, 0x7B, 0x10,  // mov rdi,QWORD PTR [rbx+0x10]
    0x85, 0xFF,  // test edi,edi
    0x74, 0x0B,  // je 77
    0xAC,  // lods al,BYTE PTR ds:[rsi]
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xEE,  // out dx,al
    0xFF, 0xCF,  // dec edi
    0xEB, 0xF1,  // jmp 68
    0xB0, 0x0A,  // mov al,0xa
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xEE,  // out dx,al
    0x48, 0x83, 0xC5, 0x08,  // add rbp,0x8
    0xFF, 0xC9,  // dec ecx
    0xEB, 0xC8,  // jmp 4f
    0xB0, 0x10,  // mov al,0x10
    0xE6, 0xF4,  // out 0xf4,al
    0xEB, 0xFE,  // jmp 8b
    0xB0, 0x01,  // mov al,0x1
    0xE6, 0xF4,  // out 0xf4,al
    0xEB, 0xFE,  // jmp 91
    0xBA, 0xF8, 0x03, 0x00, 0x00,  // mov edx,0x3f8
    0xAC,  // lods al,BYTE PTR ds:[rsi]
    0x84, 0xC0,  // test al,al
    0x74, 0x03,  // je a0
    0xEE,  // out dx,al
    0xEB, 0xF8,  // jmp 98
    0xB0, 0x0A,  // mov al,0xa
    0xEE,  // out dx,al
    0xC3,  // ret
  ]

  /// What `limineCode` asks for: base revision, command line, direct map, own address, modules.
  public static func limineRequestWords(revision: UInt64 = 3) -> [UInt64] {
    limineStart + limineRevision(revision)
      + limineRequest(0x4B16_1536_E598_651E, 0xB390_AD4A_2F1F_303A)
      + limineRequest(0x48DC_F1CB_8AD2_B852, 0x6398_4E95_9A98_244B)
      + limineRequest(0x71BA_7686_3CC5_5F63, 0xB264_4A48_C516_A487)
      + limineRequest(0x3E7E_2797_02BE_32AF, 0xCA1C_4F3B_D128_0CEE)
  }

  /// A kernel with code that may not be written and requests that may not be executed.
  public static func limineKernel(
    code: [UInt8] = limineCode, requests: [UInt64] = limineRequestWords() + limineEnd
  ) -> ELFBuilder {
    var builder = ELFBuilder(code: code, at: limineBase)
    builder.segments[0].flags = 5
    builder.segments.append(
      ELFBuilder.Segment(at: limineRequests, requests.flatMap { ELFBuilder.number($0, 8) }))
    builder.segments[1].flags = 6
    return builder
  }

  /// A position-independent kernel, whose request for an entry point needs a relocation; it ends
  /// with debug exit 5.
  public static func relocatableLimineKernel() -> ELFBuilder {
    let at: UInt64 = 0x2000
    let requests =
      limineRevision(3) + [0]
      + limineRequest(0x13D8_6C03_5A1C_D3E1, 0x2B0C_AA89_D8F3_026A, [0]) + [0]
    let table = at + UInt64(requests.count) * 8
    // R_X86_64_RELATIVE for the entry; then DT_RELA, DT_RELASZ, DT_RELAENT and the end.
    let relocation: [UInt64] = [at + 32 + 48, 8, 2]
    let dynamic: [UInt64] = [7, table, 8, 24, 9, 24, 0, 0]
    var kernel = ELFBuilder(code: TestCode.undefined + TestCode.debugExit(5), at: 0)
    kernel.type = 3
    kernel.segments[0].flags = 5
    let words = requests + relocation + dynamic
    kernel.segments.append(
      ELFBuilder.Segment(at: at, words.flatMap { ELFBuilder.number($0, 8) }))
    var header = ELFBuilder.Segment(at: table + 24, [])
    header.type = 2
    header.memorySize = 64
    kernel.segments.append(header)
    return kernel
  }
}
