package identity

// shroudConfig brings a shroud_config into the spelling that it is shown in.
func shroudConfig(in []byte) ([]byte, error) { return in, nil }
