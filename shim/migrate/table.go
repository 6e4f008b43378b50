package migrate

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/shim/terminal"
)

// count counts the envs that can be moved and those that were moved, and adds up
// their bytes.
func (m *migration) count() (ready, moved int) {
	m.doc.Bytes = 0
	for _, e := range m.doc.Envs {
		switch e.State {
		case migrateReady:
			ready++
		case migrateMoved:
			moved++
		case migrateBlocked, migrateFailed:
			continue
		}
		if !m.doc.Done || e.State == migrateMoved {
			m.doc.Bytes += e.Bytes
		}
	}
	return ready, moved
}

// table prints the envs, the reasons, and the next commands.
func (m *migration) table() error {
	out := m.app.UI.Plain()
	ready, moved := m.count()
	if len(m.doc.Envs) == 0 {
		return m.printNone(out)
	}
	var t terminal.Table
	row := func(state, frees, id, key, model string) {
		if m.doc.Undo { // an undo frees nothing and needs no key
			t.Row(state, id, model)
			return
		}
		t.Row(state, frees, id, key, model)
	}
	row("STATE", "FREES", "OLD ENV", "KEY", "MODEL")
	for _, e := range m.doc.Envs {
		row(string(e.State), resolve.Bytes(e.Bytes), e.ID, cmp.Or(e.Key, "-"), cmp.Or(terminal.OneLine(e.Model), "-"))
		if e.Reason != "" {
			t.Below(terminal.Wrapped(strings.Repeat(" ", 8)+" "+e.Reason, 80, 9))
		}
		if e.Remedy != "" {
			t.Below("         hint: " + e.Remedy + "\n")
		}
	}
	if err := t.Write(out); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, strings.Join(m.footer(ready, moved), "\n")+"\n")
	return err
}

// printNone prints that there is nothing to move.
func (m *migration) printNone(out io.Writer) error {
	root := m.app.Config.Root()
	what, where := "migrate", root.Old(m.id).Path
	if m.doc.Undo {
		what, where = "move back", root.Retired(string(m.id), "…")
	}
	if m.id != "" {
		_, err := fmt.Fprintf(out, "nothing to %s: there is no %s\n", what, where)
		return err
	}
	_, err := fmt.Fprintf(out, "nothing to %s in %s (%s)\n", what, root, m.app.Config.RootFrom())
	return err
}

// footer returns a summary of the table, and the next commands.
func (m *migration) footer(ready, moved int) (lines []string) {
	root, all := m.app.Config.Root(), len(m.doc.Envs)
	pick := cmp.Or(m.pick, "--all"+m.app.Finder().KeyOptions())
	switch {
	case m.doc.Undo && m.doc.Done:
		lines = append(lines, fmt.Sprintf("%d of %d moved back to %s", moved, all, root.Environments()))
	case m.doc.Done:
		lines = append(lines, fmt.Sprintf("%d of %d moved to %s", moved, all, root.OldEnvs()))
		if moved > 0 {
			lines = append(lines, "to undo it: "+m.app.Hint("migrate --undo "+pick+" --yes"),
				fmt.Sprintf("to free %s: %s", resolve.Bytes(m.doc.Bytes), m.app.Hint("prune --yes")))
		}
	case ready == 0:
		lines = append(lines, "none can be moved now")
	case m.doc.Undo:
		lines = append(lines, fmt.Sprintf("%d of %d can be moved back", ready, all))
	default:
		lines = append(lines, fmt.Sprintf("%d of %d can be moved; a prune after that frees %s", ready, all, resolve.Bytes(m.doc.Bytes)))
	}
	if ready > 0 && m.doc.Done {
		lines = append(lines, "to go on: "+m.command(pick+" --yes"))
	} else if ready > 0 {
		lines = append(lines, "to do it: "+m.command(pick+" --yes"))
	}
	return lines
}
