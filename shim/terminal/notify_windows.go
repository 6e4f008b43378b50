package terminal

// sendNotify does nothing: Windows has no systemd.
func sendNotify(string, string) error { return nil }
