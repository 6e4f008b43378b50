package store

func becomeBlocker(*Lease) error { return sayAndBlock("running") }
