globalThis.DLM_WORDS=JSON.parse('{"rows":[[3],[0],[1],[0],[0],[3],[0],[2],[0,1,1],[2]],"words":"finds first second second](https://example.org/2 see ships the third version withdrawn"}');
