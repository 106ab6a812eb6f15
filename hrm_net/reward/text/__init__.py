"""The same core on solutions in words: examples of PRM800K, training over bytes, ranking candidates (`hrm-rank`)."""
