package uv

const binary = "uv.exe"

// pythons are the possible names of a Python with pip.
var pythons = [...]string{"py.exe", "python.exe", "python3.exe"}
