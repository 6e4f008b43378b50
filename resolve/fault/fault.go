// Package fault defines the error that users see: a stable code for programs, a
// line about what happened and a line about what to do.
package fault

import (
	"errors"
	"fmt"
)

// Error is a failure that is shown to the user as it is.
//
// Text is one line in lower case, without a full stop. It names the file, the
// variable and the value. Remedy is a command to paste, or a sentence that
// contains one. An error without a Remedy is a bug, unless there is nothing
// that the user can do.
type Error struct {
	Code   Code   // for programs
	Text   string // what happened
	Remedy string // what to do
	Err    error  // the cause, for errors.Is; Text already contains its text
}

// New returns an Error with the formatted message. A %w verb keeps the cause
// for errors.Is and errors.As.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Text: err.Error(), Err: errors.Unwrap(err)}
}

// Fix sets the remedy and returns the same error, so that New and Fix can be
// chained.
func (e *Error) Fix(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

// Error returns Text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of the first Error in err's chain, or Internal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// RemedyOf returns the remedy of the first Error in err's chain, or "".
func RemedyOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Remedy
	}
	return ""
}
