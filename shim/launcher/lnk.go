package launcher

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"github.com/modelrun/modelrun/resolve/fault"
)

// The parts of a Shell Link that are written and read here. Source:
// https://learn.microsoft.com/openspecs/windows_protocols/ms-shllink
// (MS-SHLLINK 2.1 to 2.4)
const (
	lnkHeader = 0x4c

	lnkHasIDList     = 1 << 0
	lnkHasLinkInfo   = 1 << 1
	lnkHasName       = 1 << 2
	lnkHasRelative   = 1 << 3
	lnkHasWorkingDir = 1 << 4
	lnkHasArguments  = 1 << 5
	lnkHasIcon       = 1 << 6
	lnkIsUnicode     = 1 << 7

	fileAttributeDirectory = 0x10
	fileAttributeArchive   = 0x20
	showNormal             = 1
)

// lnkClass is CLSID_ShellLink. myComputer is the root of the names of drives.
const (
	lnkClass   = "\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
	myComputer = "\x1f\x50\xe0\x4f\xd0\x20\xea\x3a\x69\x10\xa2\xd8\x08\x00\x2b\x30\x30\x9d"
)

// maxLink is MAX_PATH without its zero, the size of the shell's buffers for a
// path. Arguments have no limit according to IShellLinkW::GetArguments, and
// their length in the file has 16 bits. maxLinkArguments is well below the
// 32767 units of a command line.
const (
	maxLink          = 259
	maxLinkArguments = 4095
)

// renderShortcut renders NAME.lnk. The shell expands %NAME% in the arguments,
// the folder and the icon, but not in the target.
func renderShortcut(s Spec) ([]File, error) {
	if err := checkLine(s, "a shortcut"); err != nil {
		return nil, err
	}
	if len(s.Program) < 4 || s.Program[1:3] != `:\` {
		return nil, fault.New(fault.BadUsage, "%s is not on a drive, and a shortcut leads to a drive", s.Program).Fix("start modelrun from a drive: copy it to one")
	}
	link := shortcut{Target: s.Program, Dir: s.Dir, Icon: s.Icon}
	if mayExpand(s.Dir) {
		link.Dir = ""
		link.Arguments = verbatim(modelrunArgs(s, s.Dir))
	} else {
		link.Arguments = verbatim(modelrunArgs(s, ""))
	}
	switch {
	case units(link.Arguments) > maxLinkArguments:
		return nil, fault.New(fault.BadUsage, "the arguments of %s.lnk have %d characters, and a shortcut holds %d", s.Name, units(link.Arguments), maxLinkArguments).Fix(useExe)
	case units(link.Dir) > maxLink || units(s.Icon) > maxLink || units(s.Program) > maxLink:
		return nil, fault.New(fault.BadUsage, "a path in %s.lnk has more than the %d characters that a shortcut holds", s.Name, maxLink).Fix(useExe)
	}
	return []File{{Name: s.Name + ".lnk", Data: link.write(s.Name), Mode: 0o644}}, nil
}

// shortcut has the values of a Shell Link that matter here.
type shortcut struct{ Target, Arguments, Dir, Icon string }

// write returns the content of the file. title is its description, a tooltip.
func (l shortcut) write(title string) []byte {
	flags := uint32(lnkHasIDList | lnkIsUnicode)
	if ascii(l.Target) { // other paths would be in an unknown code page, and Wine reads that part
		flags |= lnkHasLinkInfo
	}
	var texts []byte
	for _, text := range []struct {
		flag  uint32
		value string
	}{{lnkHasName, title}, {lnkHasWorkingDir, l.Dir}, {lnkHasArguments, l.Arguments}, {lnkHasIcon, l.Icon}} {
		if text.value != "" {
			flags |= text.flag
			texts = le.AppendUint16(texts, uint16(units(text.value))) //nolint:gosec // at most 4095
			texts = append(texts, encodeUTF16(text.value)...)
		}
	}
	out := le.AppendUint32(nil, lnkHeader)
	out = append(out, lnkClass...)
	out = le.AppendUint32(out, flags)
	out = le.AppendUint32(out, fileAttributeArchive) // the target's
	out = append(out, make([]byte, 3*8+4+4)...)      // its times and size, which no reader compares; the icon's index
	out = le.AppendUint32(out, showNormal)
	out = append(out, make([]byte, lnkHeader-len(out))...) // no hotkey; reserved
	out = append(out, idList(l.Target)...)
	if flags&lnkHasLinkInfo != 0 {
		out = append(out, linkInfo(l.Target)...)
	}
	out = append(out, texts...)
	return append(out, 0, 0, 0, 0) // no further blocks
}

var le = binary.LittleEndian

// encodeUTF16 encodes a text as UTF-16, as in a link.
func encodeUTF16(text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = le.AppendUint16(out, u)
	}
	return out
}

// idList names a file from the shell's root down: computer, drive, folders,
// file.
func idList(path string) []byte {
	var items []byte
	add := func(item []byte) { items = append(le.AppendUint16(items, uint16(2+len(item))), item...) } //nolint:gosec // a name has at most 259 characters
	add([]byte(myComputer))
	drive := make([]byte, 23) // a fixed size
	copy(drive, "\x2f"+path[:3])
	add(drive)
	parts := strings.Split(path[3:], `\`)
	for i, part := range parts {
		add(itemID(part, i < len(parts)-1))
	}
	return append(append(le.AppendUint16(nil, uint16(len(items)+2)), items...), 0, 0) //nolint:gosec // as above
}

// itemID names one folder or file in the shell's own format, which is described
// at https://github.com/libyal/libfwsi/blob/main/documentation ("file entry
// shell item"). It writes version 3 of the extension. That is the version of
// Windows XP, and all later ones read it.
func itemID(name string, folder bool) []byte {
	kind, attributes := byte(0x32), uint16(fileAttributeArchive)
	if folder {
		kind, attributes = 0x31, fileAttributeDirectory
	}
	item := append([]byte{kind, 0}, make([]byte, 4+2+2)...) // size, date and time: unknown
	item = le.AppendUint16(item, attributes)
	item = append(item, asciiName(name)...)
	item = append(item, 0)
	if len(item)%2 == 1 {
		item = append(item, 0)
	}
	begin := len(item) + 2 // includes the item's length field
	extension := le.AppendUint16(nil, 3)
	extension = le.AppendUint32(extension, 0xbeef0004)
	extension = append(extension, make([]byte, 4+4)...) // times
	extension = le.AppendUint16(extension, 0x14)
	extension = append(extension, 0, 0) // no translated name
	extension = append(extension, encodeUTF16(name)...)
	extension = append(extension, 0, 0)
	extension = le.AppendUint16(extension, uint16(begin))  //nolint:gosec // see add
	item = le.AppendUint16(item, uint16(len(extension)+2)) //nolint:gosec // see add
	return append(item, extension...)
}

// asciiName replaces non-ASCII characters, for readers without Unicode.
func asciiName(name string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '_'
		}
		return r
	}, name)
}

// linkInfo contains an ASCII path once more as text. It has no Unicode part,
// because Windows writes none for ASCII.
func linkInfo(path string) []byte {
	const header = 0x1c
	volume := append(le.AppendUint32(nil, 0x11), 3, 0, 0, 0) // a fixed disk
	volume = append(volume, 0, 0, 0, 0)                      // its serial number: unknown
	volume = append(le.AppendUint32(volume, 0x10), 0)        // its label: none
	base := header + len(volume)
	suffix := base + len(path) + 1
	var out []byte
	for _, n := range []int{suffix + 1, header, 1, header, base, 0, suffix} {
		out = le.AppendUint32(out, uint32(n)) //nolint:gosec // small
	}
	return append(append(append(out, volume...), path...), 0, 0)
}
