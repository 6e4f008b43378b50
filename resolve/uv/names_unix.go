//go:build !windows

package uv

const binary = "uv"

// pythons are the possible names of a Python with pip.
var pythons = [...]string{"python3", "python"}
