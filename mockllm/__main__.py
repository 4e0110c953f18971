"""`python -m mockllm`."""

from mockllm.entry import main

main()
