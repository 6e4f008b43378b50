package execx

import "strings"

func fold(key string) string { return strings.ToUpper(key) }

func sameKey(a, b string) bool { return strings.EqualFold(a, b) }
