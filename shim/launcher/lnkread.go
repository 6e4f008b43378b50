package launcher

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf16"
)

// errNotShortcut is the error for a file that is not a Shell Link, or is damaged.
var errNotShortcut = errors.New("it is no shortcut, or a damaged one")

// readShortcut reads a link that modelrun wrote, or that Windows wrote after a
// user edited it. It prefers the fields that are in Unicode.
func readShortcut(data []byte) (link shortcut, err error) {
	defer func() { // every length comes from the file
		if recover() != nil {
			link, err = shortcut{}, errNotShortcut
		}
	}()
	if le.Uint32(data) != lnkHeader || string(data[4:4+len(lnkClass)]) != lnkClass {
		return link, errNotShortcut
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
			*text.to, rest = decodeUTF16(rest[2:2+2*n]), rest[2+2*n:]
		} else {
			*text.to, rest = string(rest[2:2+n]), rest[2+n:]
		}
	}
	return link, nil
}

// idListPath returns the path in a list of items, or "" if it does not begin
// with a drive.
func idListPath(list []byte) string {
	var path string
	for n := le.Uint16(list); n >= 3; n = le.Uint16(list) {
		item := list[:n]
		switch kind := item[2]; {
		case kind&0x70 == 0x20: // a drive
			path = strings.TrimRight(cString(item[3:]), `\`)
		case kind&0x70 == 0x30 && path != "": // a folder or a file
			name := cString(item[14:])
			if begin := le.Uint16(item[n-2:]); begin >= 16 && begin+20 < n && le.Uint32(item[begin+4:]) == 0xbeef0004 {
				name = longName(item[begin:n])
			}
			path += `\` + name
		}
		list = list[n:]
	}
	return path
}

// longName returns the long name in an item's extension. Its position depends
// on the version.
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
	return decodeUTF16Z(extension[at:])
}

// linkInfoPath returns the Unicode path. Without one it returns the other path
// if any is set.
func linkInfoPath(info []byte, any bool) string {
	if le.Uint32(info[8:])&1 == 0 {
		return "" // on a network
	}
	if header := le.Uint32(info[4:]); header >= 0x24 {
		return decodeUTF16Z(info[le.Uint32(info[0x1c:]):]) + decodeUTF16Z(info[le.Uint32(info[0x20:]):])
	}
	if !any {
		return ""
	}
	return cString(info[le.Uint32(info[0x10:]):]) + cString(info[le.Uint32(info[0x18:]):])
}

// cString returns the text before the first zero.
func cString(b []byte) string { return string(b[:bytes.IndexByte(b, 0)]) }

// decodeUTF16 decodes UTF-16.
func decodeUTF16(b []byte) string {
	text := make([]uint16, len(b)/2)
	for i := range text {
		text[i] = le.Uint16(b[2*i:])
	}
	return string(utf16.Decode(text))
}

// decodeUTF16Z decodes UTF-16 up to the first zero.
func decodeUTF16Z(b []byte) string {
	for n := 0; ; n += 2 {
		if le.Uint16(b[n:]) == 0 {
			return decodeUTF16(b[:n])
		}
	}
}
