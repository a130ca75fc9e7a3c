# The sidecar without the Dify plugin. Node runs TypeScript directly, so there is no build step.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
COPY plugin-sdk/package.json plugin-sdk/
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund && npm cache clean --force
COPY sidecar sidecar
COPY schemas schemas
RUN mkdir /data && chown node:node /data
USER node
ENV HOST=0.0.0.0 PORT=8484 DATA_DIR=/data
VOLUME /data
EXPOSE 8484
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=16", "--max-old-space-size=1024", "sidecar/app/main.ts"]
