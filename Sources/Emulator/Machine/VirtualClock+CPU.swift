extension VirtualClock: CPUClock {}
