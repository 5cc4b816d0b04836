globalThis.DLM_WORDS=JSON.parse('{"rows":[[2],[0],[1],[0],[0],[2],[0],[0,1]],"words":"finds first second second](https://example.org/2 see ships the version"}');
