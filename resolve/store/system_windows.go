package store

import "os"

// BootID returns "": Windows has no such id that survives a clock change.
func BootID() string { return "" }

func userName() string { return os.Getenv("USERNAME") } //nolint:forbidigo // only for a message
