// Package fault holds the one kind of error that a user sees: a stable code
// for programs, a line of what happened and a line of what to do.
package fault

import (
	"errors"
	"fmt"
)

// Error is a failure that is said to the user as it stands.
//
// Text is one line, lower case, without a full stop; it names the file, the
// variable, the value. Remedy is a command that can be pasted, or a sentence
// that holds one. Errors without a Remedy are a defect, except where nothing
// can be done.
type Error struct {
	Code   Code
	Text   string
	Remedy string
	Err    error // the cause, for errors.Is; its text is already part of Text
}

// New makes an Error whose text is the formatted message. A %w verb keeps the
// cause for errors.Is and errors.As.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Text: err.Error(), Err: errors.Unwrap(err)}
}

// Fix sets the remedy and returns the same error, so that both stand in one
// expression.
func (e *Error) Fix(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the code of the first Error in err's chain, Internal when there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// RemedyOf is the remedy of the first Error in err's chain, "" when there is none.
func RemedyOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Remedy
	}
	return ""
}
