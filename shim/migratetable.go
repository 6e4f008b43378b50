package shim

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/modelrun/modelrun/resolve"
)

// count is the sum of what can be moved, or was.
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

func (m *migration) table() error {
	out := mask{m.inv.Stdout}
	ready, moved := m.count()
	if len(m.doc.Envs) == 0 {
		what, where := "migrate", m.root.Old(m.id).Path
		if m.doc.Undo {
			what, where = "move back", m.root.Retired(string(m.id), "…")
		}
		if m.id != "" {
			_, err := fmt.Fprintf(out, "nothing to %s: there is no %s\n", what, where)
			return err
		}
		_, err := fmt.Fprintf(out, "nothing to %s in %s (%s)\n", what, m.root, m.rootFrom)
		return err
	}
	var t table
	row := func(state, frees, id, key, model string) {
		if m.doc.Undo { // it frees nothing, and has no key
			t.row(state, id, model)
			return
		}
		t.row(state, frees, id, key, model)
	}
	row("STATE", "FREES", "OLD ENV", "KEY", "MODEL")
	for _, e := range m.doc.Envs {
		row(string(e.State), resolve.Bytes(e.Bytes), e.ID, cmp.Or(e.Key, "-"), cmp.Or(oneLine(e.Model), "-"))
		if e.Reason != "" {
			t.below(wrapped(strings.Repeat(" ", 8)+" "+e.Reason, 80, 9))
		}
		if e.Remedy != "" {
			t.below("         hint: " + e.Remedy + "\n")
		}
	}
	if err := t.write(out); err != nil {
		return err
	}
	_, err := fmt.Fprint(out, strings.Join(m.footer(ready, moved), "\n")+"\n")
	return err
}

// footer says what the numbers mean, and the commands that come next.
func (m *migration) footer(ready, moved int) (lines []string) {
	pick := cmp.Or(m.pick, "--all"+m.keyOptions())
	switch {
	case m.doc.Undo && m.doc.Done:
		lines = append(lines, fmt.Sprintf("%d of %d moved back to %s", moved, len(m.doc.Envs), m.root.Environments()))
	case m.doc.Done:
		lines = append(lines, fmt.Sprintf("%d of %d moved to %s", moved, len(m.doc.Envs), m.root.OldEnvs()))
		if moved > 0 {
			lines = append(lines, "to undo it: "+m.again("migrate --undo "+pick+" --yes"),
				fmt.Sprintf("to free %s: %s", resolve.Bytes(m.doc.Bytes), m.again("prune --yes")))
		}
	case ready == 0:
		lines = append(lines, "none can be moved now")
	case m.doc.Undo:
		lines = append(lines, fmt.Sprintf("%d of %d can be moved back", ready, len(m.doc.Envs)))
	default:
		lines = append(lines, fmt.Sprintf("%d of %d can be moved; a prune after that frees %s", ready, len(m.doc.Envs), resolve.Bytes(m.doc.Bytes)))
	}
	if ready > 0 && m.doc.Done {
		lines = append(lines, "to go on: "+m.command(pick+" --yes"))
	} else if ready > 0 {
		lines = append(lines, "to do it: "+m.command(pick+" --yes"))
	}
	return lines
}
