package fsys

import (
	"testing"

	"github.com/modelrun/modelrun/execx/execxtest"
)

func TestMain(m *testing.M) { execxtest.Main(m) }
