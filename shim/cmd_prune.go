package shim

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/prune"
	"github.com/modelrun/modelrun/resolve/store"
)

// pruneDoc is `prune --json`.
type pruneDoc struct {
	Schema int         `json:"schema"`
	Root   string      `json:"root"`
	Done   bool        `json:"done"`  // with --yes
	Bytes  int64       `json:"bytes"` // of all items
	Items  []pruneItem `json:"items"`
	Kept   []pruneKept `json:"kept"`
}

type pruneItem struct {
	Kind  prune.Kind `json:"kind"`
	Name  string     `json:"name"`
	Path  string     `json:"path"`
	Why   string     `json:"why"`
	Bytes int64      `json:"bytes"` // that become free: a file that is linked from elsewhere frees none
	Error string     `json:"error"` // why it is still there; "" it is gone, or --yes was not given
}

type pruneKept struct {
	Path string `json:"path"`
	Why  string `json:"why"`
	PIDs []int  `json:"pids"`
}

// prune shows what can be deleted, and deletes it with --yes.
func (s *session) prune(ctx context.Context) error {
	want := prune.Options{Machine: s.identity.ID(), Links: s.dirs()}
	if days := s.cli.Prune.Unused; days != nil {
		if *days < 1 || *days > 36500 {
			return fault.New(fault.BadUsage, "--unused %d: a number of days is at least 1 and at most 36500", *days).Fix("%s --unused 30", s.again("prune"))
		}
		want.Unused = time.Duration(*days) * 24 * time.Hour
	}
	st := &store.Store{Root: s.root}
	plan := prune.Make(st, want)
	doc := pruneDoc{Schema: schema, Root: string(s.root), Done: s.cli.Prune.Yes, Items: []pruneItem{}, Kept: []pruneKept{}}
	for _, k := range plan.Kept {
		kept := pruneKept{k.Path, k.Why, []int{}}
		for _, u := range k.Users {
			kept.PIDs = append(kept.PIDs, u.PID)
		}
		doc.Kept = append(doc.Kept, kept)
	}
	tell := func(i prune.Item, freed int64, err error) {
		item := pruneItem{Kind: i.Kind, Name: i.Name, Path: i.Path, Why: i.Why, Bytes: freed}
		if err != nil {
			item.Error, s.exit = err.Error(), exitNo
		}
		doc.Items, doc.Bytes = append(doc.Items, item), doc.Bytes+freed
	}
	var ended error
	if s.cli.Prune.Yes {
		ctx, stop := interruptible(ctx)
		defer stop()
		ended = prune.Run(ctx, st, plan, func(p prune.Result) { tell(p.Item, p.Freed, p.Err) })
	} else {
		for _, i := range plan.Items {
			tell(i, i.Bytes, nil)
		}
	}
	if fault.CodeOf(ended) == fault.NotWritable {
		return fault.New(fault.NotWritable, "%w", ended).Fix("have its owner run: %s --yes%s", s.again("prune"), daysFlag(s.cli.Prune.Unused))
	}
	if ended != nil && len(doc.Items) == 0 {
		return ended
	}
	var err error
	if s.cli.Prune.JSON {
		err = printJSON(s.inv.Stdout, doc)
	} else {
		err = s.pruneTable(doc)
	}
	if code := fault.CodeOf(ended); ended != nil && (code == fault.Interrupted || code == fault.Terminated) {
		return fault.New(code, "interrupted; %d of %d items were looked at, and nothing is half deleted", len(doc.Items), len(plan.Items)).
			Fix("%s --yes%s", s.again("prune"), daysFlag(s.cli.Prune.Unused))
	}
	if ended != nil {
		return ended
	}
	return err
}

func (s *session) pruneTable(doc pruneDoc) error {
	out := mask{s.inv.Stdout}
	line := strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace // a name must not look like a line of ours
	short := func(path string) string {
		if rel, err := filepath.Rel(string(s.root), path); err == nil && !strings.HasPrefix(rel, "..") {
			path = rel
		}
		return line(path)
	}
	if len(doc.Items) == 0 {
		fmt.Fprintf(out, "nothing to prune in %s (%s)\n", s.root, s.rootFrom)
	} else {
		frees := "FREES"
		if doc.Done {
			frees = "FREED"
		}
		var t table
		t.row("KIND", frees, "WHAT")
		for _, i := range doc.Items {
			t.row(string(i.Kind), resolve.Bytes(i.Bytes), short(i.Path))
			t.row("", "", "  "+line(i.Why))
			if i.Error != "" {
				t.row("", "", "  still there: "+line(i.Error))
			}
		}
		if err := t.write(out); err != nil {
			return err
		}
	}
	for _, k := range doc.Kept {
		who := ""
		for _, pid := range k.PIDs {
			who += fmt.Sprintf(", process %d", pid)
		}
		fmt.Fprintf(out, "left alone: %s: %s%s\n", short(k.Path), line(k.Why), who)
	}
	var err error
	switch {
	case len(doc.Items) == 0:
	case doc.Done:
		_, err = fmt.Fprintf(out, "%s freed in %s\n", resolve.Bytes(doc.Bytes), s.root)
	default:
		_, err = fmt.Fprintf(out, "%s would be free in %s\nto do it: %s --yes%s\n", resolve.Bytes(doc.Bytes), s.root, s.again("prune"), daysFlag(s.cli.Prune.Unused))
	}
	return err
}

func daysFlag(days *int) string {
	if days == nil {
		return ""
	}
	return fmt.Sprintf(" --unused %d", *days)
}

// again is a command of ours for the same root, to be pasted.
func (s *session) again(command string) string { return "modelrun" + s.rootOption() + " " + command }
