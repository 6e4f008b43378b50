package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/envdir"
	"github.com/modelrun/modelrun/resolve/fault"
	"github.com/modelrun/modelrun/resolve/fsys"
	"github.com/modelrun/modelrun/resolve/health"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// Needs beyond the key never make an env "broken" for one model and fine for
// another: an env that lacks some is passed over, and the wanted key then is
// that of an env of their own, <key>--x-<8 hex>.

// Wanted is how a command that is pasted names the wanted env.
func (r *Request) Wanted() string {
	s := " --env " + string(r.Base)
	for _, w := range r.With {
		s += " --with " + fault.Quote(w.String())
	}
	return s
}

// lacking is the verdict about an env that lacks needs beyond its key, zero for
// one that has them all.
func lacking(dir envdir.Dir, with []requirement.Requirement) (health.Verdict, error) {
	lacks, err := health.Lacks(dir, with)
	if err != nil || len(lacks) == 0 {
		return health.Verdict{}, unreadableEnv(dir, err)
	}
	return health.Verdict{State: health.Broken, Code: health.CodeLacks, Cached: true, Reason: "lacks " + strings.Join(lacks, ", ")}, nil
}

// otherNeeds refuses an env that was made for other needs than its key stands
// for now. 8 hex digits are few enough for somebody to find a list of packages
// with the same ones: his env must not become that of everybody who needs rich.
func otherNeeds(req *Request, res *Resolution) error {
	seal := res.Verdict.Seal
	if req.Key == req.Base || !res.Verdict.Sealed || slices.Equal(seal.With, requirement.Strings(req.With)) {
		return nil
	}
	return fault.New(fault.OtherContent, "env key %s: %s was made for other needs: %s", req.Key, res.Dir.Path, strings.Join(seal.With, ", ")).
		Fix("replace it: modelrun ensure%s --rebuild%s", req.RootOption, req.Wanted())
}

// baseLacks says why the env of the key itself does not serve, "" where it does
// or where there is none.
func (r *Request) baseLacks() string {
	dir := r.Root.Shared(r.Base)
	if r.Base == r.Key || fsys.Missing(dir.Path) {
		return ""
	}
	v, err := lacking(dir, r.With)
	if err != nil || v.Code == "" {
		return ""
	}
	return describe(dir, v)
}

// afterBase puts what the base lacks in front of a reason.
func (r *Request) afterBase(reason string) string {
	if base := r.baseLacks(); base != "" {
		return base + "; " + reason
	}
	return reason
}

// lost says what somebody installed by hand into an env that was replaced. It
// is named and not installed again: nobody knows whether it is what broke it.
func lost(req *Request, past health.Past) string {
	text := fmt.Sprintf("what was changed by hand in %s is not in the new environment: %s", req.Key, strings.Join(past.ByHand, ", "))
	if len(past.Again) == 0 {
		return text
	}
	var words, with []string
	for _, a := range past.Again {
		words = append(words, fault.Quote(a))
		with = append(with, "--with "+fault.Quote(a))
	}
	return fmt.Sprintf("%s. To put it back, run: modelrun%s%s -- pip install %s; or have an environment with it: modelrun%s%s %s -- …",
		text, req.RootOption, req.Wanted(), strings.Join(words, " "), req.RootOption, req.Wanted(), strings.Join(with, " "))
}
