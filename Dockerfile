# One image for every process of the system; docker-compose.yml says which part each container runs.
FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund && mkdir .data && chown node:node .data
COPY . .
USER node
VOLUME /app/.data
ENTRYPOINT ["node", "cli/strangler.mjs"]
CMD ["start"]
