package store

import "os"

// BootID has no counterpart here that survives a clock change.
func BootID() string { return "" }

func userName() string { return os.Getenv("USERNAME") } //nolint:forbidigo // only for a message
