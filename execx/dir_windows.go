package execx

// StartDir is a name of dir that CreateProcess accepts as a working directory.
func StartDir(dir string) (string, error) { return dir, nil }
