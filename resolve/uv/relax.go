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

// relaxed resolves with as many soft pins as go together: each in its order, if
// it still resolves with those before it. The first that does not is found by
// halving, so that one contradiction among 30 pins costs five runs of the
// resolver (0.1 s each, warm).
func (r *resolution) relaxed(ctx context.Context) (Lock, error) {
	l, err := r.compile(ctx, r.plan.Soft)
	var un *unsolvable
	if !errors.As(err, &un) {
		return l, err
	}
	if _, e := r.compile(ctx, nil); e != nil {
		return Lock{}, e // the hard pins alone do not resolve
	}
	var gone []Relaxed
	kept, rest := []profile.Pin{}, r.plan.Soft
	for {
		bad, words, err := r.firstBad(ctx, kept, rest)
		if err != nil {
			return Lock{}, err
		}
		pin := rest[bad]
		gone = append(gone, Relaxed{Name: pin.Name, From: pin.Version, Why: words})
		kept, rest = append(kept, rest[:bad]...), rest[bad+1:]
		l, err := r.compile(ctx, slices.Concat(kept, rest))
		if errors.As(err, &un) {
			continue
		}
		if err != nil {
			return Lock{}, err
		}
		for _, g := range gone {
			if g.To = l.version(g.Name); g.To != "" && g.To != g.From {
				g.Why = why(profile.Pin{Name: g.Name, Version: g.From}, g.Why, l)
				l.Relaxed = append(l.Relaxed, g)
			}
		}
		return l, nil
	}
}

// firstBad is the index of the first pin of rest that does not resolve with
// kept and those before it, and uv's words about it. The whole of rest is known
// not to resolve.
func (r *resolution) firstBad(ctx context.Context, kept, rest []profile.Pin) (int, string, error) {
	good, bad := 0, len(rest) // rest[:good] resolves, rest[:bad] does not
	words := ""
	for good+1 < bad || words == "" {
		middle := (good + bad + 1) / 2
		if good+1 >= bad {
			middle = bad
		}
		_, err := r.compile(ctx, slices.Concat(kept, rest[:middle]))
		var un *unsolvable
		switch {
		case errors.As(err, &un):
			bad, words = middle, un.words
		case err != nil:
			return 0, "", err
		case middle == len(rest):
			return 0, "", errChanged
		default:
			good = middle
		}
	}
	return bad - 1, words, nil
}

// errChanged: the same question got another answer; without it the search for
// the first bad pin would have no end.
var errChanged = errors.New("the index changed while versions were resolved; try again")

// why says in one clause what a pin contradicts, from uv's words: "Because
// transformers==4.57.3 depends on huggingface-hub>=0.34.0,<1.0 and …". uv names
// ranges as well ("transformers>=4.57.3", "all versions of transformers depend
// on"), so the version is the one in the lock.
func why(pin profile.Pin, words string, l Lock) string {
	name := regexp.QuoteMeta(requirement.Normal(pin.Name))
	const extras, spec = `(?:\[[^\]]*\])?`, `[<>=!~]\S*`
	depends := regexp.MustCompile(`([\w.-]+)` + extras + `(?:` + spec + `)? depends? on ` + name + extras + `(` + spec + `)`)
	for _, m := range depends.FindAllStringSubmatch(words, -1) {
		if m[1] == project {
			continue
		}
		who := strings.TrimSpace(m[1] + " " + l.version(m[1]))
		return who + " needs " + violated(pin.Version, strings.TrimRight(m[2], ",."))
	}
	if regexp.MustCompile(`there (is|are) no versions? of ` + name).MatchString(words) {
		return "the index has no such version"
	}
	return "it does not go together with the versions before it"
}

// violated is the clause of a specifier that a version does not meet, without
// needless zeros: ">=0.34" of ">=0.34.0,<1.0" for 0.27.1.
func violated(version, spec string) string {
	clauses := strings.Split(spec, ",")
	for _, c := range clauses {
		op := strings.TrimRight(c, "0123456789abcdefghijklmnopqrstuvwxyz.*+")
		bound := strings.TrimPrefix(c, op)
		cmp := requirement.CompareReleases(version, bound)
		if op == ">=" && cmp < 0 || op == ">" && cmp <= 0 || op == "<" && cmp >= 0 || op == "<=" && cmp > 0 {
			return op + shorter(bound)
		}
	}
	return spec
}

func shorter(v string) string {
	for strings.Count(v, ".") > 1 && strings.HasSuffix(v, ".0") {
		v = strings.TrimSuffix(v, ".0")
	}
	return v
}
