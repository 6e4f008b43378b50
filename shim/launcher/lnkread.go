package launcher

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf16"
)

// errNoLink is said of a file that is no Shell Link, or a damaged one.
var errNoLink = errors.New("it is no shortcut, or a damaged one")

// readShortcut reads a link as we write it, and as Windows does when somebody
// has edited one: what it leads to, from the place where Unicode surely is.
func readShortcut(data []byte) (link shortcut, err error) {
	defer func() { // every length in it comes from the file
		if recover() != nil {
			link, err = shortcut{}, errNoLink
		}
	}()
	if le.Uint32(data) != lnkHeader || string(data[4:4+len(lnkClass)]) != lnkClass {
		return link, errNoLink
	}
	flags, rest := le.Uint32(data[0x14:]), data[lnkHeader:]
	if flags&lnkHasIDList != 0 {
		n := 2 + int(le.Uint16(rest))
		link.Target, rest = idListPath(rest[2:n]), rest[n:]
	}
	if flags&lnkHasLinkInfo != 0 {
		n := le.Uint32(rest)
		if path := linkInfoPath(rest[:n], link.Target == ""); path != "" {
			link.Target = path
		}
		rest = rest[n:]
	}
	var ignored string
	for _, text := range []struct {
		flag uint32
		to   *string
	}{{lnkHasName, &ignored}, {lnkHasRelative, &ignored}, {lnkHasWorkingDir, &link.Dir}, {lnkHasArguments, &link.Arguments}, {lnkHasIcon, &link.Icon}} {
		if flags&text.flag == 0 {
			continue
		}
		n := int(le.Uint16(rest))
		if flags&lnkIsUnicode != 0 {
			*text.to, rest = unwide(rest[2:2+2*n]), rest[2+2*n:]
		} else {
			*text.to, rest = string(rest[2:2+n]), rest[2+n:]
		}
	}
	return link, nil
}

// idListPath is the path that a list of items names, "" for one that does not
// begin at a drive.
func idListPath(list []byte) string {
	var path string
	for n := le.Uint16(list); n >= 3; n = le.Uint16(list) {
		item := list[:n]
		switch kind := item[2]; {
		case kind&0x70 == 0x20: // a drive
			path = strings.TrimRight(until0(item[3:]), `\`)
		case kind&0x70 == 0x30 && path != "": // a folder or a file
			name := until0(item[14:])
			if begin := le.Uint16(item[n-2:]); begin >= 16 && begin+20 < n && le.Uint32(item[begin+4:]) == 0xbeef0004 {
				name = longName(item[begin:n])
			}
			path += `\` + name
		}
		list = list[n:]
	}
	return path
}

// longName is where the extension of an item has its long name, by version.
func longName(extension []byte) string {
	at := 20 // 3: Windows XP
	switch version := le.Uint16(extension[2:]); {
	case version >= 9:
		at = 46
	case version == 8:
		at = 42
	case version == 7:
		at = 38
	}
	return unwide0(extension[at:])
}

// linkInfoPath is the path in Unicode, or the other one if that must do.
func linkInfoPath(info []byte, any bool) string {
	if le.Uint32(info[8:])&1 == 0 {
		return "" // on a network
	}
	if header := le.Uint32(info[4:]); header >= 0x24 {
		return unwide0(info[le.Uint32(info[0x1c:]):]) + unwide0(info[le.Uint32(info[0x20:]):])
	}
	if !any {
		return ""
	}
	return until0(info[le.Uint32(info[0x10:]):]) + until0(info[le.Uint32(info[0x18:]):])
}

func until0(b []byte) string { return string(b[:bytes.IndexByte(b, 0)]) }

func unwide(b []byte) string {
	text := make([]uint16, len(b)/2)
	for i := range text {
		text[i] = le.Uint16(b[2*i:])
	}
	return string(utf16.Decode(text))
}

func unwide0(b []byte) string {
	for n := 0; ; n += 2 {
		if le.Uint16(b[n:]) == 0 {
			return unwide(b[:n])
		}
	}
}
