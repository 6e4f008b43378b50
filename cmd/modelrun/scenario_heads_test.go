package main

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// head implements "head FILE gguf|safetensors FIELD…": it writes a file of weights
// without weights. A field is NAME=TEXT, or the name of a tensor. "version=N" is the
// version of the format. "head FILE bytes TEXT" writes a text with \xNN in it.
func head(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: head FILE gguf|safetensors|bytes [FIELD…]")
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	write := map[string]func([]string) []byte{"gguf": ggufHead, "safetensors": safetensorsHead, "bytes": rawBytes}[args[1]]
	ts.Check(os.WriteFile(path, write(args[2:]), 0o600))
}

func ggufHead(fields []string) []byte {
	version, fieldCount, list := uint64(3), uint64(0), []byte(nil)
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if name == "version" {
			version, _ = strconv.ParseUint(value, 10, 32)
			continue
		}
		fieldCount++
		list = append(binary.LittleEndian.AppendUint64(list, uint64(len(name))), name...)
		list = binary.LittleEndian.AppendUint32(list, 8) // a text
		list = append(binary.LittleEndian.AppendUint64(list, uint64(len(value))), value...)
	}
	out := binary.LittleEndian.AppendUint32([]byte("GGUF"), uint32(version)) //nolint:gosec // parsed with 32 bits
	out = binary.LittleEndian.AppendUint64(out, 0)
	return append(binary.LittleEndian.AppendUint64(out, fieldCount), list...)
}

func safetensorsHead(fields []string) []byte {
	header, metadata := map[string]any{}, map[string]string{}
	for _, f := range fields {
		if name, value, ok := strings.Cut(f, "="); ok {
			metadata[name] = value
		} else {
			header[f] = map[string]any{"dtype": "F32", "shape": []int{}, "data_offsets": []int{0, 0}}
		}
	}
	if len(metadata) > 0 {
		header["__metadata__"] = metadata
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
}

func rawBytes(texts []string) []byte {
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.Join(texts, " "), `"`, `\"`) + `"`)
	if err != nil {
		panic(err)
	}
	return []byte(text)
}
