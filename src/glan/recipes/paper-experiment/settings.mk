# What the steps in the Makefile are made of. Change it here, or for once: make train SIZES="50000 200000"
# Who writes the pairs and who judges answers stands in glan.toml, under [teachers].

# Students, by the pairs that they learn, from few to many: each data set begins with the ones before it.
SIZES = 50000 200000 1000000 10000000
# Pairs at the end of the data set that no student learns, and on which the loss of every one is measured.
HELD_OUT = 1000
# Questions of each discipline in the test set.
PER_DISCIPLINE = 50

# A cap on what the project spends in all, for every step that pays: --budget-usd 20000
BUDGET =
# Further options of `glan run`, such as --mode batch
RUN =

# --yes answers what a step asks: whether rows may leave, whether weights are to change, whether a host may have a key.
YES =

# The model to begin with, and how it is tuned; RECIPE_SIZE is for one size alone.
BASE = mistralai/Mistral-7B-v0.1
RECIPE = auto
RECIPE_10000000 = paper
# Further options of `glan train`, such as --set pairs_per_device=4
TRAIN =

# Options of `glan eval`. --run-code adds HumanEval and MBPP: what the models write then runs, in a sandbox.
EVAL =

# The benchmarks of table 3, and further options of `glan leakage`.
EXPOSURE = ARC-C ARC-E GSM8K MATH
LEAKAGE =

# The student that is judged: a folder, or a server, vllm/MODEL@http://localhost:8000/v1
STUDENT = students$(ROUND)/$(LARGEST)/model
# Whom it is judged against, by names; SPEC_NAME says who that is, as for `glan judge`.
OTHERS = reference
# OTHERS = orca mistral wizard
# SPEC_orca = vllm/microsoft/Orca-2-7b@http://localhost:8001/v1
# Further options of `glan judge`, such as --judge openai/gpt-5
JUDGE =

# The round of the loop: -2 lets the students of the second one stand beside those of the first.
ROUND =

# How glan is called, also to train: torchrun --nproc-per-node 8 -m glan, for eight devices.
GLAN = glan
TRAINER = $(GLAN)
