package uv

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/modelrun/modelrun/resolve/profile"
	"github.com/modelrun/modelrun/resolve/requirement"
)

// resolveRelaxed resolves with as many soft pins as possible. It takes them in
// order, and keeps each pin that still resolves together with those before it.
// It finds the first conflict by bisection: one conflict among 30 pins costs
// five runs of the resolver (0.1 s each with a warm cache).
func (r *resolution) resolveRelaxed(ctx context.Context) (Lock, error) {
	r.kept = r.plan.Soft
	l, err := r.compile(ctx, r.kept)
	var un *unsolvable
	if !errors.As(err, &un) || len(r.plan.Soft) == 0 {
		return l, err
	}
	if _, e := r.compile(ctx, nil); e != nil {
		return Lock{}, e // even the hard pins alone do not resolve
	}
	if r.allowBuilds(un.output) { // a pinned version comes only as source, and the user named the package
		return r.resolveRelaxed(ctx)
	}
	var dropped []Relaxed
	kept, rest := []profile.Pin{}, r.plan.Soft
	for {
		bad, text, err := r.firstConflict(ctx, kept, rest)
		if err != nil {
			return Lock{}, err
		}
		pin := rest[bad]
		dropped = append(dropped, Relaxed{Name: pin.Name, From: pin.Version, Why: text})
		kept, rest = append(kept, rest[:bad]...), rest[bad+1:]
		r.kept = slices.Concat(kept, rest)
		l, err := r.compile(ctx, r.kept)
		if errors.As(err, &un) {
			continue
		}
		if err != nil {
			return Lock{}, err
		}
		for _, g := range dropped {
			if g.To = l.Version(g.Name); g.To != "" && g.To != g.From {
				g.Why = conflictReason(profile.Pin{Name: g.Name, Version: g.From}, g.Why, l)
				l.Relaxed = append(l.Relaxed, g)
			}
		}
		return l, nil
	}
}

// firstConflict returns the index of the first pin in rest that does not
// resolve with kept and the pins before it, and uv's explanation. rest as a
// whole must be known not to resolve.
func (r *resolution) firstConflict(ctx context.Context, kept, rest []profile.Pin) (int, string, error) {
	good, bad := 0, len(rest) // rest[:good] resolves, rest[:bad] does not
	text := ""
	for good+1 < bad || text == "" {
		middle := (good + bad + 1) / 2
		if good+1 >= bad {
			middle = bad
		}
		_, err := r.compile(ctx, slices.Concat(kept, rest[:middle]))
		var un *unsolvable
		switch {
		case errors.As(err, &un):
			bad, text = middle, un.text
		case err != nil:
			return 0, "", err
		case middle == len(rest):
			return 0, "", errChanged
		default:
			good = middle
		}
	}
	return bad - 1, text, nil
}

// errChanged is the error if the same request got another answer. Without this
// error the search for the first conflict would never end.
var errChanged = errors.New("the index changed while versions were resolved; try again")

// conflictReason returns, in one clause, what a pin contradicts. It takes that from
// uv's explanation: "Because transformers==4.57.3 depends on
// huggingface-hub>=0.34.0,<1.0 and …". uv also names ranges
// ("transformers>=4.57.3", "all versions of transformers depend on"), so the
// version shown is the one in the lock.
func conflictReason(pin profile.Pin, text string, l Lock) string {
	name := regexp.QuoteMeta(requirement.Normal(pin.Name))
	const extras, spec = `(?:\[[^\]]*\])?`, `[<>=!~]\S*`
	depends := regexp.MustCompile(`([\w.-]+)` + extras + `(?:` + spec + `)? depends? on ` + name + extras + `(` + spec + `)`)
	for _, m := range depends.FindAllStringSubmatch(text, -1) {
		if m[1] == project {
			continue
		}
		who := strings.TrimSpace(m[1] + " " + l.Version(m[1]))
		return who + " needs " + violatedClause(pin.Version, strings.TrimRight(m[2], ",."))
	}
	if regexp.MustCompile(`there (is|are) no versions? of ` + name).MatchString(text) {
		return "the index has no such version"
	}
	return "it does not go together with the versions before it"
}

// violatedClause returns the clause of a specifier that a version violates,
// without needless zeros: ">=0.34" for ">=0.34.0,<1.0" and 0.27.1.
func violatedClause(version, spec string) string {
	clauses := strings.Split(spec, ",")
	for _, c := range clauses {
		op := strings.TrimRight(c, "0123456789abcdefghijklmnopqrstuvwxyz.*+")
		bound := strings.TrimPrefix(c, op)
		cmp := requirement.CompareReleases(version, bound)
		if op == ">=" && cmp < 0 || op == ">" && cmp <= 0 || op == "<" && cmp >= 0 || op == "<=" && cmp > 0 {
			return op + trimZeros(bound)
		}
	}
	return spec
}

// trimZeros removes ".0" from the end of versions with three or more numbers.
func trimZeros(v string) string {
	for strings.Count(v, ".") > 1 && strings.HasSuffix(v, ".0") {
		v = strings.TrimSuffix(v, ".0")
	}
	return v
}
