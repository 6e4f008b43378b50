//go:build !windows

package uv

const binary = "uv"

// pythons are the names under which a Python with pip may be found.
var pythons = [...]string{"python3", "python"}
