package store

func roleDenied(*Store, string) error { return nil }
