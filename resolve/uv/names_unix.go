//go:build !windows

package uv

const binary = "uv"

// pythons holds the possible names of a Python with pip.
var pythons = [...]string{"python3", "python"}
