"""`hrm-serve`: a page on this machine, on which a trained model fills in a puzzle segment by segment.

`command` starts it, `app` answers requests within `limits`, behind the `guard`, and `served` has the model. page.html,
page.css and the .js files are the page; they are served as they lie here. On the page /judge (judge.html, judge.js) a
judge compares two candidates for a puzzle; `served_judge` has it.
"""
