package uv

const binary = "uv.exe"

// pythons are the names under which a Python with pip may be found.
var pythons = [...]string{"py.exe", "python.exe", "python3.exe"}
