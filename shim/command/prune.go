package command

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/modelrun/modelrun/resolve"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/prune"
	"github.com/modelrun/modelrun/shim/app"
	"github.com/modelrun/modelrun/shim/cli"
	"github.com/modelrun/modelrun/shim/terminal"
)

// PruneOptions are the options of `modelrun prune`.
type PruneOptions struct {
	Yes    bool `help:"Do it; without it the plan is shown."`
	Unused *int `placeholder:"DAYS" help:"Also shared environments that nobody started for DAYS days."`
	JSON   bool `name:"json" help:"Print JSON."`
}

// pruneCommand declares `modelrun prune`.
func pruneCommand() app.Command {
	var o PruneOptions
	return app.Command{
		Sub: cli.Sub{
			Name: "prune",
			Help: "Show what can be deleted; --yes deletes it.",
			Examples: `It never takes an environment that is in use.

  modelrun prune --unused 90
  modelrun prune --unused 90 --yes`,
			Options: &o,
		},
		Run: func(ctx context.Context, a *app.App) error { return Prune(ctx, a, o) },
	}
}

// pruneDoc is the document of `prune --json`.
type pruneDoc struct {
	Schema int         `json:"schema"`
	Root   string      `json:"root"`
	Done   bool        `json:"done"`  // --yes was given
	Bytes  int64       `json:"bytes"` // of all items
	Items  []pruneItem `json:"items"`
	Kept   []pruneKept `json:"kept"`
}

// pruneItem is one thing that can be, or was, deleted.
type pruneItem struct {
	Kind  prune.Kind `json:"kind"`
	Name  string     `json:"name"`
	Path  string     `json:"path"`
	Why   string     `json:"why"`
	Bytes int64      `json:"bytes"` // the space that it frees; a file with another hard link frees none
	Error string     `json:"error"` // why it could not be deleted; "" if it was, or without --yes
}

// pruneKept is one thing that is kept.
type pruneKept struct {
	Path string `json:"path"`
	Why  string `json:"why"`
	PIDs []int  `json:"pids"`
}

// Prune shows what can be deleted from the root, and deletes it with --yes. It
// returns [app.NotAll] if an item could not be deleted.
func Prune(ctx context.Context, a *app.App, o PruneOptions) error {
	options, err := pruneOptionsOf(a, o)
	if err != nil {
		return err
	}
	st := a.Store()
	plan := prune.Make(st, options)
	doc := newPruneDoc(a, o, plan)
	var ended error // why the work ended early
	if o.Yes {
		ctx, stop := app.Interruptible(ctx)
		defer stop()
		ended = prune.Run(ctx, st, plan, doc.add)
	} else {
		for _, item := range plan.Items {
			doc.add(prune.Result{Item: item, Freed: item.Bytes})
		}
	}
	if fault.CodeOf(ended) == fault.NotWritable {
		return fault.New(fault.NotWritable, "%w", ended).Fix("have its owner run: %s", pruneAgain(a, o))
	}
	if ended != nil && len(doc.Items) == 0 {
		return ended
	}
	if o.JSON {
		err = a.UI.JSON(doc)
	} else {
		err = pruneTable(a, o, *doc)
	}
	code := fault.CodeOf(ended)
	switch {
	case ended != nil && (code == fault.Interrupted || code == fault.Terminated):
		return fault.New(code, "interrupted; %d of %d items were looked at, and nothing is half deleted", len(doc.Items), len(plan.Items)).
			Fix("%s", pruneAgain(a, o))
	case ended != nil:
		return ended
	case err != nil:
		return err
	case doc.incomplete():
		return app.NotAll
	}
	return nil
}

// pruneOptionsOf checks the options, and returns what to look for.
func pruneOptionsOf(a *app.App, o PruneOptions) (prune.Options, error) {
	options := prune.Options{Machine: a.Machine.Identity().ID(), Links: a.Dirs()}
	if o.Unused == nil {
		return options, nil
	}
	days := *o.Unused
	if days < 1 || days > 36500 {
		return options, fault.New(fault.BadUsage, "--unused %d: a number of days is at least 1 and at most 36500", days).Fix("%s --unused 30", a.Hint("prune"))
	}
	options.Unused = time.Duration(days) * 24 * time.Hour
	return options, nil
}

// newPruneDoc returns a document without items.
func newPruneDoc(a *app.App, o PruneOptions, plan prune.Plan) *pruneDoc {
	doc := &pruneDoc{Schema: terminal.Schema, Root: string(a.Config.Root()), Done: o.Yes, Items: []pruneItem{}, Kept: []pruneKept{}}
	for _, k := range plan.Kept {
		kept := pruneKept{k.Path, k.Why, []int{}}
		for _, u := range k.Users {
			kept.PIDs = append(kept.PIDs, u.PID)
		}
		doc.Kept = append(doc.Kept, kept)
	}
	return doc
}

// add adds an item and the space that it frees.
func (d *pruneDoc) add(r prune.Result) {
	item := pruneItem{Kind: r.Kind, Name: r.Name, Path: r.Path, Why: r.Why, Bytes: r.Freed}
	if r.Err != nil {
		item.Error = r.Err.Error()
	}
	d.Items, d.Bytes = append(d.Items, item), d.Bytes+r.Freed
}

// incomplete reports whether an item could not be deleted.
func (d *pruneDoc) incomplete() bool {
	for _, i := range d.Items {
		if i.Error != "" {
			return true
		}
	}
	return false
}

// pruneTable prints the plan, or what was done, for people.
func pruneTable(a *app.App, o PruneOptions, doc pruneDoc) error {
	out, root := a.UI.Plain(), a.Config.Root()
	escape := strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace // a name must not look like a line of this table
	short := func(path string) string {
		if rel, err := filepath.Rel(string(root), path); err == nil && !strings.HasPrefix(rel, "..") {
			path = rel
		}
		return escape(path)
	}
	if len(doc.Items) == 0 {
		fmt.Fprintf(out, "nothing to prune in %s (%s)\n", root, a.Config.RootFrom())
	} else {
		frees := "FREES"
		if doc.Done {
			frees = "FREED"
		}
		var t terminal.Table
		t.Row("KIND", frees, "WHAT")
		for _, i := range doc.Items {
			t.Row(string(i.Kind), resolve.Bytes(i.Bytes), short(i.Path))
			t.Row("", "", "  "+escape(i.Why))
			if i.Error != "" {
				t.Row("", "", "  still there: "+escape(i.Error))
			}
		}
		if err := t.Write(out); err != nil {
			return err
		}
	}
	for _, k := range doc.Kept {
		users := ""
		for _, pid := range k.PIDs {
			users += fmt.Sprintf(", process %d", pid)
		}
		fmt.Fprintf(out, "left alone: %s: %s%s\n", short(k.Path), escape(k.Why), users)
	}
	var err error
	switch {
	case len(doc.Items) == 0:
	case doc.Done:
		_, err = fmt.Fprintf(out, "%s freed in %s\n", resolve.Bytes(doc.Bytes), root)
	default:
		_, err = fmt.Fprintf(out, "%s would be free in %s\nto do it: %s\n", resolve.Bytes(doc.Bytes), root, pruneAgain(a, o))
	}
	return err
}

// pruneAgain returns the command that deletes what these options select.
func pruneAgain(a *app.App, o PruneOptions) string {
	command := a.Hint("prune") + " --yes"
	if o.Unused != nil {
		command += fmt.Sprintf(" --unused %d", *o.Unused)
	}
	return command
}
