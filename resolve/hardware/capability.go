package hardware

import "strings"

// ccOf returns the compute capability of a GPU by its name, for drivers that do
// not report it. "" means unknown, and excludes nothing. Source:
// https://developer.nvidia.com/cuda-gpus
func ccOf(name string) string {
	name = strings.ToUpper(name)
	for _, row := range [...]struct{ cc, names string }{
		// Before the series: "RTX 5000 Ada" and "Quadro RTX 5000" are not RTX
		// 50xx.
		{"8.9", "ADA"},
		{"8.6", "RTX A"},
		{"7.5", "QUADRO RTX"},
		{"5.2", "GTX TITAN X"},
		{"12.0", "RTX 50,RTX PRO"},
		{"10.0", "B100,B200,GB200"},
		{"9.0", "H100,H200,GH200,H800,H20"},
		{"8.9", "RTX 40,L40,L4"},
		{"8.6", "RTX 30,A40,A10,A16,A2"},
		{"8.0", "A100,A30,A800"},
		{"7.5", "RTX 20,GTX 16,TITAN RTX,T4,T1000,T600,T400"},
		{"7.0", "V100,TITAN V,GV100"},
		{"6.1", "GTX 10,TITAN X,P40,P4,QUADRO P"},
		{"6.0", "P100,GP100"},
		{"5.2", "GTX 9,M40,M60"},
		{"5.0", "GTX 75,GTX 74"},
	} {
		for _, part := range strings.Split(row.names, ",") {
			if i := strings.Index(name, part); i >= 0 && (i == 0 || name[i-1] == ' ' || name[i-1] == '-') && endsWord(name[i+len(part):], part) {
				return row.cc
			}
		}
	}
	return ""
}

// endsWord reports whether the word in the name ends here. After the start of a
// series digits may follow ("RTX 30" in "RTX 3090").
func endsWord(rest, part string) bool {
	if rest == "" || rest[0] == ' ' || rest[0] == '-' {
		return true
	}
	series := strings.HasPrefix(part, "RTX ") || strings.HasPrefix(part, "GTX ") || strings.HasPrefix(part, "QUADRO")
	digit := '0' <= rest[0] && rest[0] <= '9'
	return series && digit || !series && !digit
}
