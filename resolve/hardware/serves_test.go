package hardware

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/modelrun/modelrun/execx"
)

func machine(driver string, ccs ...string) Machine {
	m := Machine{Identity: Identity{OS: "linux", Vendor: "nvidia", Driver: driver}}
	for _, cc := range ccs {
		m.GPUs = append(m.GPUs, GPU{Name: "GPU" + cc, CC: cc})
	}
	return m
}

func TestServes(t *testing.T) {
	t.Parallel()
	const blackwell = "GPU GPU12.0 (compute capability 12.0) needs CUDA build cu128 or newer and torch 2.7 or newer; this is "
	windows := func(driver string) Machine {
		m := machine(driver, "8.6")
		m.OS = "windows"
		return m
	}
	for name, c := range map[string]struct {
		m            Machine
		accel, torch string
		want         string // the reason; "" if it serves
	}{
		"cpu everywhere":   {Machine{}, "cpu", "2.5.1", ""},
		"none said":        {Machine{}, "", "", ""},
		"CUDA without GPU": {Machine{}, "cu121", "", "cu121 needs an NVIDIA GPU; this machine has no GPU"},
		"ROCm on NVIDIA":   {machine("550.1", "8.6"), "rocm6.4", "", "rocm6.4 needs an AMD GPU; this machine has GPU8.6, driver 550.1"},
		"MPS on none":      {Machine{}, "mps", "", "mps needs an Apple GPU; this machine has no GPU"},
		"XPU":              {Machine{}, "xpu", "", "xpu needs an Intel GPU; this machine has no GPU"},
		"a broken driver":  {Machine{Identity: Identity{Vendor: "nvidia"}, Problem: "restart"}, "cu121", "", "cu121 needs an NVIDIA GPU; this machine has no usable GPU (restart)"},
		"unknown":          {machine("550.1", "8.6"), "tpu", "", "accelerator tpu is not known"},
		"unknown CUDA":     {machine("550.1", "8.6"), "cuda", "", "accelerator cuda is not known"},
		"ROCm on AMD":      {Machine{Identity: Identity{Vendor: "amd"}, GPUs: []GPU{{CC: "gfx1100"}}}, "rocm6.4", "", ""},
		"MPS on Apple":     {Machine{Identity: Identity{Vendor: "apple"}, GPUs: []GPU{{}}}, "mps", "", ""},

		// Drivers: the first version that runs the major version, and the last
		// that does not.
		"11.8, first":          {machine("450.80.02", "7.5"), "cu118", "", ""},
		"11.8, too old":        {machine("450.80.01", "7.5"), "cu118", "", "CUDA build cu118 needs driver 450.80.02 or newer; this machine has 450.80.01"},
		"12.1, first":          {machine("525.60.13", "8.6"), "cu121", "", ""},
		"12.8 on it as well":   {machine("525.60.13", "8.6"), "cu128", "", ""},
		"12.1, too old":        {machine("525.60.12", "8.6"), "cu121", "", "CUDA build cu121 needs driver 525.60.13 or newer; this machine has 525.60.12"},
		"13.0, first":          {machine("580.65.06", "8.6"), "cu130", "", ""},
		"13.0, too old":        {machine("575.57.08", "8.6"), "cu130", "", "CUDA build cu130 needs driver 580 or newer; this machine has 575.57.08"},
		"driver unknown (WSL)": {machine("", "8.6"), "cu130", "", ""},
		"Windows 12, first":    {windows("528.33"), "cu121", "", ""},
		"Windows 12, too old":  {windows("528.02"), "cu121", "", "CUDA build cu121 needs driver 528.33 or newer; this machine has 528.02"},
		"Windows 11, first":    {windows("452.39"), "cu118", "", ""},
		"Windows 11, too old":  {windows("452.06"), "cu118", "", "CUDA build cu118 needs driver 452.39 or newer; this machine has 452.06"},

		// Architectures for which a build has code.
		"Maxwell cu118":              {machine("580.1", "5.2"), "cu118", "2.5.1", ""},
		"Pascal cu124":               {machine("580.1", "6.1"), "cu124", "2.5.1", ""},
		"Pascal cu126":               {machine("580.1", "6.1"), "cu126", "2.9.1", ""},
		"Pascal cu128, torch 2.7":    {machine("580.1", "6.1"), "cu128", "2.7.1", ""},
		"Pascal cu128, torch 2.8":    {machine("580.1", "6.1"), "cu128", "2.8.0", "GPU GPU6.1 (compute capability 6.1) is too old for cu128 with torch 2.8.0; cu126 or older has code for it"},
		"Pascal cu130":               {machine("580.1", "6.1"), "cu130", "2.9.1", "GPU GPU6.1 (compute capability 6.1) is too old for cu130 with torch 2.9.1; cu126 or older has code for it"},
		"Pascal cu128, any torch":    {machine("580.1", "6.1"), "cu128", "", ""},
		"Volta cu128, torch 2.10":    {machine("580.1", "7.0"), "cu128", "2.10.0", ""},
		"Volta cu128, torch 2.11":    {machine("580.1", "7.0"), "cu128", "2.11.0", "GPU GPU7.0 (compute capability 7.0) is too old for cu128 with torch 2.11.0; cu126 or older has code for it"},
		"Volta cu126, torch 2.11":    {machine("580.1", "7.0"), "cu126", "2.11.0", ""},
		"Volta cu130":                {machine("580.1", "7.0"), "cu130", "2.9.1", "GPU GPU7.0 (compute capability 7.0) is too old for cu130 with torch 2.9.1; cu126 or older has code for it"},
		"Turing cu130":               {machine("580.1", "7.5"), "cu130", "2.9.1", ""},
		"Ada runs Ampere's code":     {machine("580.1", "8.9"), "cu118", "2.5.1", ""},
		"Orin runs Ampere's code":    {machine("580.1", "8.7"), "cu126", "2.9.1", ""},
		"Hopper cu121":               {machine("580.1", "9.0"), "cu121", "2.5.1", ""},
		"Blackwell cu121":            {machine("580.1", "12.0"), "cu121", "2.5.1", blackwell + "cu121 with torch 2.5.1"},
		"Blackwell cu124":            {machine("580.1", "12.0"), "cu124", "2.6.0", blackwell + "cu124 with torch 2.6.0"},
		"Blackwell cu126":            {machine("580.1", "12.0"), "cu126", "2.9.1", blackwell + "cu126 with torch 2.9.1"},
		"Blackwell cu128, torch 2.6": {machine("580.1", "12.0"), "cu128", "2.6.0", blackwell + "cu128 with torch 2.6.0"},
		"Blackwell cu128":            {machine("572.16", "12.0"), "cu128", "2.7.0", ""},
		"Blackwell with a tag":       {machine("580.1", "12.0"), "cu128", "2.7.0+cu128", ""},
		"Blackwell cu130":            {machine("580.1", "12.0"), "cu130", "2.9.1", ""},
		"13.2, first":                {machine("580.65.06", "8.6"), "cu132", "2.15.0", ""},
		"13.2, too old":              {machine("575.57.08", "8.6"), "cu132", "2.15.0", "CUDA build cu132 needs driver 580 or newer; this machine has 575.57.08"},
		"Turing cu132":               {machine("595.1", "7.5"), "cu132", "2.15.0", ""},
		"Volta cu132":                {machine("595.1", "7.0"), "cu132", "2.15.0", "GPU GPU7.0 (compute capability 7.0) is too old for cu132 with torch 2.15.0; cu126 or older has code for it"},
		"Blackwell cu132":            {machine("595.1", "12.0"), "cu132", "2.15.0", ""},
		"Spark cu130":                {machine("580.1", "12.1"), "cu130", "2.9.1", ""},
		"B200 cu128":                 {machine("580.1", "10.0"), "cu128", "2.7.0", ""},
		"B200 cu124":                 {machine("580.1", "10.0"), "cu124", "2.6.0", "GPU GPU10.0 (compute capability 10.0) needs CUDA build cu128 or newer and torch 2.7 or newer; this is cu124 with torch 2.6.0"},
		"Kepler":                     {machine("470.1", "3.5"), "cu118", "2.5.1", "GPU GPU3.5 (compute capability 3.5) is too old: no CUDA build of torch has code for it"},
		"after all that we know":     {machine("580.1", "11.0"), "cu130", "2.9.1", "cu130 with torch 2.9.1 has no code for GPU GPU11.0 (compute capability 11.0)"},
		"an unknown GPU":             {machine("580.1", ""), "cu130", "2.9.1", ""},
		"two, one too old":           {machine("580.1", "8.6", "6.1"), "cu130", "2.9.1", ""},
		"two, both too old":          {machine("580.1", "6.1", "5.2"), "cu130", "2.9.1", "GPU GPU6.1 (compute capability 6.1) is too old for cu130 with torch 2.9.1; cu126 or older has code for it"},
		"two, the first too old":     {machine("580.1", "3.7", "8.0"), "cu130", "2.9.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if err := c.m.Serves(c.accel, c.torch); err != nil {
				got = err.Error()
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestCCOf checks names from nvidia-smi and the kernel module, and names that are
// easily confused.
func TestCCOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"NVIDIA GeForce RTX 5090":               "12.0",
		"NVIDIA GeForce RTX 5070 Ti Laptop GPU": "12.0",
		"NVIDIA RTX PRO 6000 Blackwell":         "12.0",
		"NVIDIA RTX PRO 2000 Blackwell":         "12.0",
		"NVIDIA B200":                           "10.0",
		"NVIDIA GB200":                          "10.0",
		"NVIDIA H100 80GB HBM3":                 "9.0",
		"NVIDIA H100 PCIe":                      "9.0",
		"NVIDIA H200":                           "9.0",
		"NVIDIA GH200 480GB":                    "9.0",
		"NVIDIA GeForce RTX 4090":               "8.9",
		"NVIDIA L4":                             "8.9",
		"NVIDIA L40":                            "8.9",
		"NVIDIA L40S":                           "8.9",
		"NVIDIA RTX 6000 Ada Generation":        "8.9",
		"NVIDIA RTX 5000 Ada Generation":        "8.9",
		"NVIDIA RTX 4000 SFF Ada Generation":    "8.9",
		"NVIDIA RTX 3500 Ada Generation Laptop": "8.9",
		"NVIDIA RTX 3000 Ada Generation Laptop": "8.9",
		"NVIDIA RTX 2000 Ada Generation":        "8.9",
		"NVIDIA GeForce RTX 3090":               "8.6",
		"NVIDIA GeForce RTX 3050 Laptop GPU":    "8.6",
		"NVIDIA RTX A6000":                      "8.6",
		"NVIDIA RTX A2000 12GB":                 "8.6",
		"NVIDIA RTX A500 Laptop GPU":            "8.6",
		"NVIDIA A2":                             "8.6",
		"NVIDIA A10":                            "8.6",
		"NVIDIA A10G":                           "8.6",
		"NVIDIA A16":                            "8.6",
		"NVIDIA A40":                            "8.6",
		"NVIDIA A100-SXM4-80GB":                 "8.0",
		"NVIDIA A100 80GB PCIe":                 "8.0",
		"NVIDIA A30":                            "8.0",
		"NVIDIA A800-SXM4-80GB":                 "8.0",
		"NVIDIA GeForce RTX 2080 Ti":            "7.5",
		"NVIDIA GeForce GTX 1650":               "7.5",
		"Tesla T4":                              "7.5",
		"NVIDIA T400 4GB":                       "7.5",
		"NVIDIA T1000 8GB":                      "7.5",
		"NVIDIA TITAN RTX":                      "7.5",
		"Quadro RTX 3000":                       "7.5",
		"Quadro RTX 4000":                       "7.5",
		"Quadro RTX 5000 with Max-Q Design":     "7.5",
		"Quadro RTX 6000":                       "7.5",
		"Quadro RTX 8000":                       "7.5",
		"Tesla V100-PCIE-16GB":                  "7.0",
		"Tesla V100S-PCIE-32GB":                 "7.0",
		"NVIDIA TITAN V":                        "7.0",
		"Quadro GV100":                          "7.0",
		"NVIDIA GeForce GTX 1080 Ti":            "6.1",
		"NVIDIA GeForce GTX 1060 6GB":           "6.1",
		"NVIDIA TITAN X (Pascal)":               "6.1",
		"NVIDIA TITAN Xp":                       "6.1",
		"Tesla P40":                             "6.1",
		"Tesla P4":                              "6.1",
		"Quadro P4000":                          "6.1",
		"Tesla P100-PCIE-16GB":                  "6.0",
		"Quadro GP100":                          "6.0",
		"NVIDIA GeForce GTX 980 Ti":             "5.2",
		"NVIDIA GeForce GTX TITAN X":            "5.2",
		"Tesla M40 24GB":                        "5.2",
		"Tesla M60":                             "5.2",
		"NVIDIA GeForce GTX 750 Ti":             "5.0",
		"NVIDIA GeForce GTX 780":                "",
		"Tesla K80":                             "",
		"NVIDIA GeForce MX150":                  "",
		"AMD Radeon":                            "",
		"":                                      "",
	} {
		require.Equal(t, want, ccOf(name), name)
	}
}

func TestParseSMI(t *testing.T) {
	t.Parallel()
	gpus, driver := parseSMI("warning: something\n0, GPU-1, NVIDIA A100-SXM4-80GB, 535.104.05, 81920, 8.0\n" +
		"1, GPU-2, NVIDIA GeForce RTX 3090, 535.104.05, [N/A], [Not Supported]\n2, GPU-3\n\n3, GPU-4, [Unknown Error], [N/A], x, [N/A]\r\n")
	require.Equal(t, "535.104.05", driver)
	require.Equal(t, []GPU{
		{Name: "NVIDIA A100-SXM4-80GB", CC: "8.0", UUID: "GPU-1", MemoryMiB: 81920},
		{Name: "NVIDIA GeForce RTX 3090", CC: "8.6", UUID: "GPU-2"},
		{UUID: "GPU-4"},
	}, gpus)
}

func FuzzParseSMI(f *testing.F) {
	f.Add("0, GPU-1, NVIDIA A100, 535.104.05, 81920, 8.0\n", "0")
	f.Add("0, \"GPU-1, [N/A], , , 8.\n1,2,3,4,5,\n", "GPU-,MIG-x")
	f.Fuzz(func(t *testing.T, out, visible string) {
		gpus, _ := parseSMI(out)
		require.LessOrEqual(t, len(gpus), 1+strings.Count(out, "\n")+strings.Count(out, "\r"))
		env := execx.NewEnviron([]string{"CUDA_VISIBLE_DEVICES=" + visible})
		m := Machine{Identity: Identity{Vendor: "nvidia"}, GPUs: visibleGPUs(gpus, env)}
		_ = m.Serves("cu128", "2.7.0")
		_ = m.String()
	})
}
