/// What a kernel may ask for by the Limine protocol, as far as this machine has an answer.
///
/// The Limine Boot Protocol, "Feature List". Requests of other kinds stay unanswered.
enum LimineFeature: CaseIterable {
  case bootloaderInfo, commandLine, firmwareType, stackSize, directMap, pagingMode
  case fiveLevelPaging, processors, memoryMap, entryPoint, kernelFile, modules, rsdp, bootTime
  case kernelAddress

  /// The first two words of every request.
  static let commonID: (UInt64, UInt64) = (0xC7B1_DD30_DF4C_8B88, 0x0A82_E883_A194_F07B)

  /// The last two words of this kind's requests.
  var id: (UInt64, UInt64) {
    switch self {
    case .bootloaderInfo: (0xF550_38D8_E2A1_202F, 0x2794_26FC_F5F5_9740)
    case .commandLine: (0x4B16_1536_E598_651E, 0xB390_AD4A_2F1F_303A)
    case .firmwareType: (0x8C2F_75D9_0BEF_28A8, 0x7045_A468_8EAC_00C3)
    case .stackSize: (0x224E_F046_0A8E_8926, 0xE1CB_0FC2_5F46_EA3D)
    case .directMap: (0x48DC_F1CB_8AD2_B852, 0x6398_4E95_9A98_244B)
    case .pagingMode: (0x95C1_A0ED_AB09_44CB, 0xA4E5_CB38_42F7_488A)
    case .fiveLevelPaging: (0x9446_9551_DA9B_3192, 0xEBE5_E86D_B738_2888)
    case .processors: (0x95A6_7B81_9A1B_857E, 0xA0B6_1B72_3B6A_73E0)
    case .memoryMap: (0x67CF_3D9D_378A_806F, 0xE304_ACDF_C50C_3C62)
    case .entryPoint: (0x13D8_6C03_5A1C_D3E1, 0x2B0C_AA89_D8F3_026A)
    case .kernelFile: (0xAD97_E90E_83F1_ED67, 0x31EB_5D1C_5FF2_3B69)
    case .modules: (0x3E7E_2797_02BE_32AF, 0xCA1C_4F3B_D128_0CEE)
    case .rsdp: (0xC5E7_7B6B_397E_7B43, 0x2763_7845_ACCD_CF3C)
    case .bootTime: (0x5027_46E1_84C0_88AA, 0xFBC5_EC83_E632_7893)
    case .kernelAddress: (0x71BA_7686_3CC5_5F63, 0xB264_4A48_C516_A487)
    }
  }

  /// The feature with an ID, nil for one that is not answered here.
  init?(_ id: (UInt64, UInt64)) {
    guard let feature = Self.allCases.first(where: { $0.id == id }) else { return nil }
    self = feature
  }
}
