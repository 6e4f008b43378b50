package uv

const binary = "uv.exe"

// pythons holds the possible names of a Python with pip.
var pythons = [...]string{"py.exe", "python.exe", "python3.exe"}
