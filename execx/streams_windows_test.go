package execx

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"
)

// TestSetByShell checks that a handle that a shell passes in place of a stream is
// not used as a stream.
func TestSetByShell(t *testing.T) {
	t.Parallel()
	const in, out, errs = windows.STD_INPUT_HANDLE, windows.STD_OUTPUT_HANDLE, windows.STD_ERROR_HANDLE
	for name, tt := range map[string]struct {
		flags           uint32
		in, out, errors bool
	}{
		"streams":              {flags: windows.STARTF_USESTDHANDLES},
		"nothing":              {},
		"a hotkey":             {flags: startfUseHotkey, in: true},
		"a monitor":            {flags: startfUseMonitor, out: true},
		"both":                 {flags: startfUseHotkey | startfUseMonitor, in: true, out: true},
		"streams all the same": {flags: startfUseHotkey | startfUseMonitor | windows.STARTF_USESTDHANDLES},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			si := &startupInfo{flags: tt.flags}
			require.Equal(t, []bool{tt.in, tt.out, tt.errors}, []bool{si.setByShell(in), si.setByShell(out), si.setByShell(errs)})
		})
	}
}

func TestDescriptors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reserved []byte
		want     []windows.Handle
	}{
		"none":           {},
		"a stump":        {reserved: []byte{4, 0}},
		"cut off":        {reserved: append([]byte{5, 0, 0, 0, 1, 1, 1, 1, 1}, make([]byte, 39)...)},
		"less than none": {reserved: []byte{0xff, 0xff, 0xff, 0xff, 1, 1, 1, 1}},
		"no zero to two": {reserved: append([]byte{3, 0, 0, 0, 1, 1, 1}, make([]byte, 24)...)},
		"one is closed": {
			reserved: append(append([]byte{5, 0, 0, 0, 1, 1, 1, 0, 9}, make([]byte, 32)...), 0x34, 0x12, 0, 0, 0, 0, 0, 0),
			want:     []windows.Handle{0x1234},
		},
	} {
		require.Equal(t, tt.want, descriptors(tt.reserved), name)
	}
}
