package shim

// sendNotify is a question for systemd.
func sendNotify(string, string) error { return nil }
