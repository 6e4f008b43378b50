package profile

import "github.com/modelrun/modelrun/resolve/envdir"

// Import is one thing that must be importable, and the distribution it comes from.
type Import struct{ Module, Dist string }

// Family is what kind of stack a key belongs to. Families are data: families.json.
type Family struct {
	Name     string
	Main     []string // hard: these pins never give way
	Packages []string // what is installed, in order; names or requirements
	Bnb      []string // added for -bnb; empty: the family has no -bnb
	Shared   []Import // needs of a shared env
	Old      []Import // needs of an old env: more lenient
	GPU      bool     // whether CUDA is asked for when the key says so and a GPU is there
	// … key pattern
}

// Families are all families, in the order of the file; the first is the default.
func Families() []Family { return nil }

// FamilyNamed finds one.
func FamilyNamed(name string) (Family, bool) { return Family{}, false }

// Key is the env key of a family for one accelerator.
func (f Family) Key(accel string, bnb bool) envdir.Key { return "" }

// Parts is a key taken apart.
type Parts struct {
	Family Family
	Accel  string
	Bnb    bool
}

// ParseKey takes a canonical key apart. Keys of another shape (tf-cu121-t45-bnb-stable) are not ok.
func ParseKey(k envdir.Key) (Parts, bool) { return Parts{}, false }

// Plan is what one env is made of.
type Plan struct {
	Key                              envdir.Key
	Accel                            string
	Profile                          string // name, for messages and the seal
	ProfileHash                      string
	TorchIndex                       string   // "" when nothing comes from it
	FromTorch                        []string // names that come from the torch index only
	Packages                         []string // requirements to install, in order
	Hard, Soft                       []Pin
	PythonMin, PythonMax, PythonBest string
	Shared                           []Import // what the deep probe must import
}

// Plan says what a profile gives a family.
func (p Profile) Plan(k envdir.Key, f Family, bnb bool) Plan { return Plan{} }
