# What the steps in the Makefile are made of. Change it here, or for once: make run SIZES="50000 200000".
# Who writes and who judges the pairs stands in glan.toml, under [teachers].

# Students, by the pairs that they learn, from few to many: each size begins with the ones before it.
SIZES = 50000 200000 1000000 10000000

# Pairs at the end of the data set that no student learns, and on which the loss of all of them is measured.
HELD_OUT = 1000

# A cap for each step that pays. Everything that the project has spent counts: --budget-usd 20000
BUDGET =

# The model to begin with, and how it is tuned. `paper` wants at least 1,706,667 pairs, for its warm-up.
BASE = mistralai/Mistral-7B-v0.1
RECIPE = auto
RECIPE_10000000 = paper
# Further options, such as --set pairs_per_device=4
TRAIN =

# Options of `glan eval`. --run-code adds HumanEval and MBPP: what the models write then runs, in a sandbox.
EVAL =

# The benchmarks of table 3, and further options of `glan leakage`.
LEAKAGE_OF = ARC-C ARC-E GSM8K MATH
LEAKAGE =

# Questions of each discipline in the test set.
PER_DISCIPLINE = 50
# The student that is judged: a folder, or a server such as vllm/MODEL@http://localhost:8000/v1
STUDENT = students/$(LARGEST)/model
# What it is judged against, by names; SPEC_NAME says who that is, as for `glan judge`.
OTHERS = reference
#OTHERS = orca mistral wizard
#SPEC_orca = vllm/microsoft/Orca-2-7b@http://localhost:8001/v1
# Further options of `glan judge`, such as --questions evol-instruct.jsonl
JUDGE =

# How glan is called, and how it is called to train: torchrun --nproc-per-node 8 -m glan, for eight devices.
GLAN = glan
TRAINER = $(GLAN)
