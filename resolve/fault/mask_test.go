package fault

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"see https://me:pw@host/x and a@b":                "see https://***@host/x and a@b",
		"http://user:S3/CRET@host/simple":                 "http://***@host/simple",
		"http://us:S3'CRET@host":                          "http://***@host",
		"http://u:S3@CRET@host/x":                         "http://***@host/x",
		"https://host/simple?token=S3CRET":                "https://host/simple?token=***",
		"https://host/s?a=1&X-Amz-Signature=f0&b":         "https://host/s?a=1&X-Amz-Signature=***&b",
		`{"url": "https://host/s?a=1\u0026token=S3CRET"}`: `{"url": "https://host/s?a=1\u0026token=***"}`,
		`{"url": "https://host/s?token=S3CRET\u0026b=2"}`: `{"url": "https://host/s?token=***\u0026b=2"}`,
		"x @ git+https://host/o/r@v1":                     "x @ git+https://host/o/r@v1",
		"git+https://tok@host:80/o/r@a/b and more":        "git+https://***@host:80/o/r@a/b and more",
		"git+https://u:pw@host/o/r":                       "git+https://***@host/o/r",
		"git+https://u:p/w@host/o/r":                      "git+https://***@host/o/r",
		"git+ssh://git@host/o/r@v1":                       "git+ssh://***@host/o/r@v1",
		"nothing to hide? no & no":                        "nothing to hide? no & no",
		"mail me@example.org":                             "mail me@example.org",
	} {
		require.Equal(t, want, Mask(in))
	}
}
