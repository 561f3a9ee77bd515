import ArgumentParser
import Emulator

extension BootProtocol: ExpressibleByArgument {}
