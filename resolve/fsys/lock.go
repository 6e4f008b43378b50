package fsys

import "errors"

// ErrHeld is the error of [LockFile] if another holder has the lock.
var ErrHeld = errors.New("the lease is held")
