// Package header reads the heads of model files: what kind of file it is, and the
// few fields that say what wrote it and what loads it.
//
// It never reads weights and never executes anything. What it reads of a file is
// bounded, whatever the file claims. It does not know what a field means for an env.
package header

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/modelrun/modelrun/resolve/fsys"
)

// Kind is what the first bytes of a file prove. The zero Kind is any other file.
type Kind string

// The kinds that modelrun tells apart.
const (
	KindGGUF        Kind = "gguf"
	KindGGML        Kind = "ggml" // what came before GGUF; whisper.cpp still has it
	KindSafetensors Kind = "safetensors"
	KindPickle      Kind = "pickle" // a pickle of protocol 2 to 5, or a zip file that torch.save wrote
	KindLFSPointer  Kind = "lfs"    // what Git leaves in place of a file that it has not downloaded
)

// The errors that a caller may tell apart. Each one, and each error that wraps one,
// reads well after "FILE: ".
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrFormat     = errors.New("damaged, or a file of another format")
	ErrVersion    = errors.New("newer than this modelrun knows")
)

// headBytes is what Sniff reads: a zip file's first header of 30 bytes, and a name
// as long as file systems allow, with a folder.
const headBytes = 512

// Sniff returns the kind of the file at path, which may be a link. It reads up to
// 512 bytes. An empty file has the zero Kind.
//
// The error is the system's, or [ErrNotRegular] for a folder, a pipe or a device,
// which are not opened.
func Sniff(path string) (Kind, error) {
	f, _, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var head [headBytes]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	return kindOf(head[:n]), nil
}

// pointer is how every Git LFS pointer begins.
const pointer = "version https://git-lfs.github.com/spec/"

func kindOf(head []byte) Kind {
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case starts("GGUF"):
		return KindGGUF
	case starts("lmgg"), starts("fmgg"), starts("tjgg"), starts("algg"): // "ggml", "ggmf", "ggjt" and "ggla" as numbers
		return KindGGML
	case starts(pointer):
		return KindLFSPointer
	case starts("PK\x03\x04") && isTorchZip(head), len(head) > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5:
		return KindPickle
	case isSafetensors(head):
		return KindSafetensors
	}
	return ""
}

// isTorchZip reports whether a zip file's first entry is one that torch.save writes
// first: NAME/data.pkl, or NAME/version and NAME/.format_version in some versions.
func isTorchZip(head []byte) bool {
	const fixed = 30 // bytes of a local file header, before the name
	if len(head) < fixed {
		return false
	}
	end := fixed + int(binary.LittleEndian.Uint16(head[26:]))
	if end > len(head) {
		return false
	}
	_, name, ok := bytes.Cut(head[fixed:end], []byte("/"))
	switch string(name) {
	case "data.pkl", "version", ".format_version":
		return ok
	}
	return false
}

// open opens a regular file, and returns its size in bytes. It looks before it
// opens, because opening a device may have an effect.
func open(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, ErrNotRegular
	}
	f, err := fsys.OpenRegular(path, os.O_RDONLY)
	if errors.Is(err, fsys.ErrNotRegular) {
		err = ErrNotRegular
	}
	return f, info.Size(), err
}
